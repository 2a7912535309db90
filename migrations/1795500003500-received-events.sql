-- Test and live calls have senders of their own: what one has sent says nothing of the other.
alter table received_events add column environment text;
update received_events set environment = 'live';
alter table received_events alter column environment set not null;
alter table received_events drop constraint received_events_pkey;
alter table received_events add primary key (organization_id, environment, source, id);
