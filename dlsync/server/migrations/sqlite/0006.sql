ALTER TABLE api_keys ADD COLUMN revoked TEXT NOT NULL DEFAULT '';
UPDATE api_keys SET created = replace(created, 'Z', '.000Z'), expires = replace(expires, 'Z', '.000Z'),
    last_used = replace(last_used, 'Z', '.000Z');
