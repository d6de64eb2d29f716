-- Projects of accounts, for lists: what a project is and does is known to its object.
CREATE TABLE projects (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  -- Whose it is among the account's own users, in their words; empty for nobody's in particular.
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  -- The template that its workspace was begun with, as JSON.
  template TEXT NOT NULL,
  -- The thread that is resumed, once there is one.
  thread TEXT,
  -- What its caller named the request that made it, if anything: the same name makes it once.
  op TEXT UNIQUE,
  created_at INTEGER NOT NULL,
  opened_at INTEGER
) WITHOUT ROWID;

CREATE INDEX projects_account ON projects (account, id);
CREATE INDEX projects_owner ON projects (account, owner, id);
