CREATE TABLE streams (
    account TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE, name TEXT NOT NULL,
    PRIMARY KEY (account, name)) WITHOUT ROWID;
INSERT INTO streams SELECT DISTINCT account, stream FROM annotations;
ALTER TABLE annotations ADD COLUMN extra TEXT NOT NULL DEFAULT '{}';
ALTER TABLE agents ADD COLUMN tags TEXT NOT NULL DEFAULT '["all"]';
UPDATE agents SET tags = document -> '$.tags';
ALTER TABLE agents ADD COLUMN expired TEXT NOT NULL DEFAULT '[]';
