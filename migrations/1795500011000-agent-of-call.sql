-- Which version of its agent a call was dialled with.
alter table calls add column agent_version int;
