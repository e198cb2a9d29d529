-- Tries of SIM PINs that were not taken, and what was learnt about models of modems.

-- A row is written before a PIN is entered and goes away when the card opens: so a try whose
-- end nobody saw counts as refused. Nothing here tells the PIN.
CREATE TABLE sim_pin_try (
    key      TEXT PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 100),  -- ICCID of the card, or the
    card     INTEGER NOT NULL CHECK (card IN (0, 1)),                 -- IMEI of the modem (0)
    refused  INTEGER NOT NULL CHECK (refused IN (0, 1)),              -- 0: on its way
    at       INTEGER NOT NULL
) STRICT;

CREATE TABLE learned_encoding (
    kind       TEXT PRIMARY KEY CHECK (length(kind) BETWEEN 1 AND 200),  -- model and firmware
    encoding   TEXT NOT NULL,
    learnt_at  INTEGER NOT NULL
) STRICT;
