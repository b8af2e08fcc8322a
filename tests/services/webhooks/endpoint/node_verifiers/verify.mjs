// Verifies deliveries: one JSON object a line in ({secret, headers, body}, the body in base64), one a line out: what each
// library says, and whether it gave back the event.
import { createInterface } from "node:readline";
import * as standardwebhooks from "standardwebhooks";
import * as svix from "svix";

function verdict({ Webhook, WebhookVerificationError }, { secret, headers, body }) {
  const bytes = Buffer.from(body, "base64");
  try {
    const verified = new Webhook(secret).verify(bytes, headers);
    return verified === undefined || verified.id === JSON.parse(bytes).id;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false;
    throw error;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const delivery = JSON.parse(line);
  const said = { standardwebhooks: verdict(standardwebhooks, delivery), svix: verdict(svix, delivery) };
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
