-- Which accounts were charged in an hour: they are asked what they run.
CREATE INDEX usage_hour ON usage_hourly (hour, account);

-- What an operator searches what was done by: who did it, what it was, or both; each newest first.
CREATE INDEX audit_actor ON audit (actor, id);
CREATE INDEX audit_act ON audit (act, id);
CREATE INDEX audit_actor_act ON audit (actor, act, id);

-- Events that wait, and those that were acted on, newest first.
CREATE INDEX stripe_events_waiting ON stripe_events (heard_at, id) WHERE outcome IS NULL;
