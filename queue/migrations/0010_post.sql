-- The post of the channels: what came in, word for word but for its secrets, and what goes out.
-- A text is deduplicated by its channel's own message id. What is sent is tried again until it
-- has arrived, is too old, or can never arrive there.

CREATE TABLE inbound (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    channel      TEXT NOT NULL,
    message_id   TEXT NOT NULL CHECK (length(message_id) BETWEEN 1 AND 200),
    sender       TEXT NOT NULL,
    receiver     TEXT NOT NULL,     -- which of our addresses: ICCID of the chip, JID, number's id
    agent        TEXT REFERENCES agent (code),  -- NULL: of nobody that is known
    text         TEXT NOT NULL,     -- secrets masked
    received_at  INTEGER NOT NULL,
    sent_at      INTEGER,           -- by the sender's side, if it says
    outcome      TEXT NOT NULL,     -- the name of the answer, or of the refusal
    UNIQUE (channel, message_id)
) STRICT;
-- A sender's newest: how often it wrote lately; an admin looks it up.
CREATE INDEX inbound_sender ON inbound (channel, sender, id);
CREATE INDEX inbound_received ON inbound (received_at);

CREATE TABLE outgoing (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    channel      TEXT NOT NULL,
    address      TEXT NOT NULL,
    sender       TEXT NOT NULL,     -- which of our addresses should say it: '' is any
    agent        TEXT REFERENCES agent (code),
    kind         TEXT NOT NULL CHECK (kind IN ('answer', 'result', 'buyer')),
    text         TEXT NOT NULL,
    inbound_id   INTEGER REFERENCES inbound (id),  -- what it answers
    order_id     INTEGER,           -- what it tells of; the order may be archived by then
    message_id   INTEGER,           -- the final result that it carries
    created_at   INTEGER NOT NULL,
    not_before   INTEGER NOT NULL,
    tries        INTEGER NOT NULL DEFAULT 0,
    state        TEXT NOT NULL CHECK (state IN
        ('WAITING', 'SENT', 'DELIVERED', 'EXPIRED', 'REFUSED')),
    provider_id  TEXT,              -- how the channel calls it, for reports of its delivery
    why          TEXT NOT NULL DEFAULT '',
    finished_at  INTEGER,
    CHECK ((finished_at IS NULL) = (state = 'WAITING'))
) STRICT;
-- What is due on a channel, oldest first; and what has waited too long there.
CREATE INDEX outgoing_waiting ON outgoing (channel, not_before, id) WHERE state = 'WAITING';
CREATE INDEX outgoing_age ON outgoing (channel, created_at) WHERE state = 'WAITING';
CREATE INDEX outgoing_provider ON outgoing (channel, provider_id) WHERE provider_id IS NOT NULL;
-- One row a result on a channel: a repeat of the transaction sends nothing twice.
CREATE UNIQUE INDEX outgoing_result ON outgoing (message_id, kind, channel)
    WHERE message_id IS NOT NULL;
CREATE INDEX outgoing_finished ON outgoing (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX outgoing_inbound ON outgoing (inbound_id) WHERE inbound_id IS NOT NULL;
-- A result that is told anew before it was sent.
CREATE INDEX outgoing_order ON outgoing (order_id) WHERE order_id IS NOT NULL;

-- Where an order that came over a channel is answered; gone with its order when that is archived.
CREATE TABLE order_origin (
    order_id      INTEGER PRIMARY KEY REFERENCES orders (id) ON DELETE CASCADE,
    address       TEXT NOT NULL,
    receiver      TEXT NOT NULL,
    reply_number  TEXT,              -- the buyer's, who is told too
    dialect       TEXT NOT NULL DEFAULT ''  -- how a program wants to be told
) STRICT;
