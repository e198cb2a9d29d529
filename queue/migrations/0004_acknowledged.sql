-- Orders that were delivered against a refund, and whose stock the operator may take back: asked
-- for with every reading of the stock of an undecided order.
CREATE INDEX evidence_acknowledged ON evidence (at) WHERE rule = 'acknowledged';
