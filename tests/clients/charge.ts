// Charges the demo account with the client that openapi-typescript makes of /openapi.json, and sends the charge again.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import createClient from "openapi-fetch";

import type { components, paths } from "./ledger.js";

const { LEDGER_URL, LEDGER_DEMO_KEY } = process.env;
assert(LEDGER_URL && LEDGER_DEMO_KEY, "LEDGER_URL and LEDGER_DEMO_KEY say where the ledger is, and who pays");

const client = createClient<paths>({ baseUrl: LEDGER_URL, headers: { "x-virtualkey": LEDGER_DEMO_KEY } });
const body: components["schemas"]["ChargeRequest"] = {
    amount: "0.000125",
    currency: "USD",
    description: "by the TypeScript client",
    metadata: { language: "typescript" },
};

const key = `typescript-${randomUUID()}`;
const first = await send(key, body);
assert.equal(first.response.status, 201);
assert.equal(first.response.headers.get("idempotency-replayed"), null);
assert.equal(first.data.type, "charged");
assert.equal(first.data.amount, body.amount);

const second = await send(key, body);
assert.equal(second.response.status, 201);
assert.equal(second.response.headers.get("idempotency-replayed"), "true");
assert.deepEqual(second.data, first.data);

const other = await client.POST("/charges", {
    params: { header: { "Idempotency-Key": key } },
    body: { ...body, amount: "1" },
});
assert.equal(other.response.status, 422);
// The compiler knows which codes this operation can be refused with.
assert(other.error && other.error.code === "idempotency_key_reused");
console.log(`TypeScript charged once: ${first.data.id}`);

async function send(key: string, body: components["schemas"]["ChargeRequest"]) {
    const { data, error, response } = await client.POST("/charges", {
        params: { header: { "Idempotency-Key": key } },
        body,
    });
    assert(data, `refused: ${JSON.stringify(error)}`);
    return { data, response };
}
