"""What a run costs in US East (N. Virginia).

The prices are those of the page on the monthly cost and, rounded up, those of what only examples create.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_DATA: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[1] / "tools" / "prices.json").read_text(encoding="utf-8")
)
PRICES_AS_OF = str(_DATA["as_of"])
_HOURS_OF_A_MONTH = 730


@dataclass(frozen=True)
class Price:
    """The price of something that a run creates.

    Attributes:
        what: What it is.
        usd_per_hour: The price of one hour in US dollars.
        source: The URL of the list of prices.
    """

    what: str
    usd_per_hour: float
    source: str


def _monthly(name: str, what: str) -> Price:
    price = _DATA["prices"][name]
    return Price(what, price["usd"] / price["per"] / _HOURS_OF_A_MONTH, price["page"])


SECRET = _monthly("secret", "secret")
KEY = _monthly("key", "customer managed key")
ALARM = _monthly("alarm", "alarm")
NAT_GATEWAY = Price("NAT gateway", 0.05, "https://aws.amazon.com/vpc/pricing/")
ENDPOINT = Price("interface endpoint in an Availability Zone", 0.01, "https://aws.amazon.com/privatelink/pricing/")
ADDRESS = Price("public IPv4 address", 0.005, "https://aws.amazon.com/vpc/pricing/")
INSTANCE = Price("t4g.micro instance with a volume of 8 GiB", 0.01, "https://aws.amazon.com/ec2/pricing/on-demand/")
TASK = Price("AWS Fargate task", 0.02, "https://aws.amazon.com/fargate/pricing/")
SEARCH_NODE = Price(
    "data node of Amazon OpenSearch Service", 0.25, "https://aws.amazon.com/opensearch-service/pricing/"
)


@dataclass(frozen=True)
class Cost:
    """A number of things that exist for some time."""

    price: Price
    count: int = 1

    def usd(self, seconds: float) -> float:
        """Return the price in US dollars."""
        return self.price.usd_per_hour * self.count * seconds / 3600


# Requests and invocations, mostly of AWS Lambda, AWS KMS and Secrets Manager.
_USD_OF_REQUESTS = 0.01


def total_usd(costs: Iterable[Cost], seconds: float) -> float:
    """Return the price of a run in US dollars, if everything exists from its beginning to its end."""
    return _USD_OF_REQUESTS + sum(cost.usd(seconds) for cost in costs)
