-- What turns of a real conversation say more than those of test mode.
alter table call_turns add column interrupted boolean not null default false;
alter table call_turns add column latency jsonb;
