-- Machines that host codex. What they may do now is decided by their own objects; here is who they are, and where they
-- stood when they last said.
CREATE TABLE runners (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  labels TEXT NOT NULL,
  capacity INTEGER NOT NULL,
  -- The machine's own; what it signs with never leaves it.
  public_key TEXT NOT NULL,
  machine TEXT NOT NULL,
  ephemeral INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  revoked_at INTEGER,
  -- Reported by the runner's object, for whoever looks for a runner.
  online INTEGER NOT NULL DEFAULT 0,
  draining INTEGER NOT NULL DEFAULT 0,
  load INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- One-time tokens with which a machine becomes a runner; only their hashes.
CREATE TABLE registrations (
  token TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  labels TEXT NOT NULL,
  capacity INTEGER,
  ephemeral INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER,
  runner TEXT
) WITHOUT ROWID;

-- Which runner an account's process lives on: it stays there.
CREATE TABLE placements (
  account TEXT PRIMARY KEY,
  runner TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX placements_runner ON placements (runner);
