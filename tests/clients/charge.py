"""Charges the demo account with the client that openapi-python-client makes of /openapi.json, and sends the charge again."""

import os
import uuid

from ledger_client import AuthenticatedClient
from ledger_client.api.money import create_own_charge
from ledger_client.models import ChargeRequest, CreateOwnChargeResponse422, EntryResponse, Metadata


def main() -> None:
    metadata = Metadata.from_dict({"language": "python"})
    charge = ChargeRequest(
        amount="0.000125", currency="USD", description="by the Python client", metadata=metadata
    )
    other = ChargeRequest(amount="1", currency="USD")
    key = f"python-{uuid.uuid4()}"
    with AuthenticatedClient(
        base_url=os.environ["LEDGER_URL"],
        token=os.environ["LEDGER_DEMO_KEY"],
        auth_header_name="x-virtualkey",
        prefix="",
        raise_on_unexpected_status=True,
    ) as client:
        first, second, refused = (
            create_own_charge.sync_detailed(client=client, body=body, idempotency_key=key)
            for body in (charge, charge, other)
        )

    expect(first.status_code == 201 and isinstance(first.parsed, EntryResponse), first)
    expect("idempotency-replayed" not in first.headers, first)
    expect(first.parsed.type_ == "charged" and first.parsed.amount == charge.amount, first)
    expect(second.status_code == 201 and second.parsed == first.parsed, second)
    expect(second.headers.get("idempotency-replayed") == "true", second)
    expect(refused.status_code == 422 and isinstance(refused.parsed, CreateOwnChargeResponse422), refused)
    expect(refused.parsed.code == "idempotency_key_reused", refused)
    print(f"Python charged once: {first.parsed.id}")


def expect(holds: bool, response: object) -> None:
    """Not `assert`, which -O leaves out."""
    if not holds:
        raise SystemExit(f"not as expected: {response}")


main()
