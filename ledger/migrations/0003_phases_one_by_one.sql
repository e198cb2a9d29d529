-- SQLite lays a list of more than two values out as a table of its own, each time it looks into
-- it: for the four phases that took as long as adding the transfer. So they are compared one by
-- one. The rule stays the same and no row is touched; this is the way to change a CHECK that
-- SQLite's documentation of ALTER TABLE gives.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql,
    'phase IN (''posted'', ''held'', ''post'', ''void'')',
    'phase = ''held'' OR phase = ''post'' OR phase = ''void'' OR phase = ''posted''')
    WHERE type = 'table' AND name = 'transfer';
PRAGMA writable_schema = RESET;
