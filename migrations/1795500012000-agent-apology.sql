-- What an agent says before the end when a provider has failed.
alter table agents add column apology text;
