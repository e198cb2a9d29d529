-- Texts of people over the pool's own chips: which chips take orders and which answer, and what
-- left them. Every part that may have left is a row, since that is what operators charge and
-- limit, and what their delivery reports name.

ALTER TABLE chip ADD COLUMN receives INTEGER CHECK (receives IN (0, 1));  -- NULL: as [sms] says
ALTER TABLE chip ADD COLUMN answers INTEGER CHECK (answers IN (0, 1));

CREATE TABLE sent_sms (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    chip         TEXT NOT NULL REFERENCES chip (iccid),
    outgoing_id  INTEGER NOT NULL,   -- that row may leave before this one
    address      TEXT NOT NULL,
    at           INTEGER NOT NULL,   -- right before it could leave
    provider_id  TEXT,               -- of the whole text; NULL: nobody knows whether it left
    reference    INTEGER CHECK (reference BETWEEN 0 AND 255),  -- the network's, of this part
    reported_at  INTEGER,
    delivered    INTEGER CHECK (delivered IN (0, 1)),
    CHECK ((provider_id IS NULL) = (reference IS NULL)),
    CHECK ((reported_at IS NULL) = (delivered IS NULL))
) STRICT;
-- How many parts a chip sent since a time.
CREATE INDEX sent_sms_of_chip ON sent_sms (chip, at);
-- Whose report this is: a reference comes again after 256 parts.
CREATE INDEX sent_sms_awaited ON sent_sms (chip, reference, id)
    WHERE provider_id IS NOT NULL AND reported_at IS NULL;
-- The other parts of a text.
CREATE INDEX sent_sms_text ON sent_sms (provider_id) WHERE provider_id IS NOT NULL;
-- What is too old to be asked for.
CREATE INDEX sent_sms_at ON sent_sms (at);
