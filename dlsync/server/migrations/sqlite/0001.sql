CREATE TABLE orgs (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE accounts (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, org TEXT NOT NULL REFERENCES orgs ON DELETE CASCADE,
    name TEXT NOT NULL, agent_key TEXT NOT NULL, UNIQUE (org, name));
CREATE TABLE documents (
    id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    kind TEXT NOT NULL, name TEXT NOT NULL, text BLOB NOT NULL, view TEXT NOT NULL, mute INTEGER NOT NULL DEFAULT 0,
    UNIQUE (account, kind, name));
CREATE TABLE plugins (
    id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE, name TEXT NOT NULL,
    content BLOB NOT NULL, extension TEXT NOT NULL, description TEXT NOT NULL, interval INTEGER NOT NULL,
    params TEXT NOT NULL, shell_args TEXT NOT NULL, type TEXT NOT NULL, pack TEXT NOT NULL, UNIQUE (account, name));
CREATE TABLE links (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    plugin TEXT NOT NULL REFERENCES plugins ON DELETE CASCADE, tags TEXT NOT NULL);
CREATE INDEX links_of_plugin ON links (plugin);
CREATE INDEX links_of_account ON links (account);
CREATE TABLE agents (
    id TEXT NOT NULL, account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE, document TEXT NOT NULL,
    PRIMARY KEY (account, id)) WITHOUT ROWID;
CREATE TABLE annotations (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    stream TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL, start_time TEXT NOT NULL);
CREATE INDEX annotations_of_stream ON annotations (account, stream);
