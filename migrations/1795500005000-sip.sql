-- What is known of a call's line: who answered, and how good it was.
alter table calls add column answered_by jsonb;
alter table calls add column quality jsonb;
