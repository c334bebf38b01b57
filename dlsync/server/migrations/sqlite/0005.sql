CREATE TABLE audit (
    seq INTEGER PRIMARY KEY, time TEXT NOT NULL, key TEXT NOT NULL, role TEXT NOT NULL, address TEXT NOT NULL,
    operation TEXT NOT NULL, org TEXT NOT NULL, account TEXT NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL,
    before TEXT NOT NULL, after TEXT NOT NULL, status INTEGER NOT NULL, run TEXT NOT NULL, revision TEXT NOT NULL);
CREATE TRIGGER audit_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
