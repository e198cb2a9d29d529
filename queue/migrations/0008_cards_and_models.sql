-- Tries of SIM PINs that were not taken, and what was learnt about models of modems.

-- A row is written before a PIN is entered and goes away when the card opens: so a try whose
-- end nobody saw counts as refused. Nothing here tells the PIN.
CREATE TABLE sim_pin_try (
    key    TEXT PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 100),  -- ICCID, or IMEI if that is
    blind  INTEGER NOT NULL CHECK (blind IN (0, 1)),                -- all that could be read
    at     INTEGER NOT NULL
) STRICT;

CREATE TABLE learned_encoding (
    kind       TEXT PRIMARY KEY CHECK (length(kind) BETWEEN 1 AND 200),  -- model and firmware
    encoding   TEXT NOT NULL,
    learnt_at  INTEGER NOT NULL
) STRICT;
