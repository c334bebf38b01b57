CREATE TABLE api_keys (
    name TEXT COLLATE "C" PRIMARY KEY, digest TEXT NOT NULL UNIQUE, role TEXT NOT NULL, accounts TEXT NOT NULL,
    created TEXT NOT NULL, expires TEXT NOT NULL, last_used TEXT NOT NULL);
