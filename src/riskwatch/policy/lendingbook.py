"""The lending policies in force: for each institution, product and currency one, or none."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from riskwatch.policy.faults import Fault, PolicyError
from riskwatch.policy.lending import LendingPolicy
from riskwatch.policy.lendingfile import has_product, load_lending, packaged_lending, packaged_names

ANY_TENANT = "*"
"""The tenant of a policy that stands for every institution that has none of its own for the product."""


BASE = "base"
"""The packaged policy that the others extend."""


class LendingBook:
    """Lending policies by institution, product and currency: the amounts of a policy are of its own currency, and judge
    no others. Immutable; false where it holds none."""

    def __init__(self, policies: Iterable[LendingPolicy] = ()) -> None:
        """Raises `ValueError` for two policies of one institution, product and currency."""
        self._policies: dict[tuple[str, str, str], LendingPolicy] = {}
        for policy in policies:
            place = (policy.tenant, policy.product, policy.currency)
            if place in self._policies:
                raise ValueError(f"two lending policies for {', '.join(place)}")
            self._policies[place] = policy

    def __bool__(self) -> bool:
        return bool(self._policies)

    @property
    def policies(self) -> tuple[LendingPolicy, ...]:
        """In order of institution, product and currency."""
        return tuple(self._policies[place] for place in sorted(self._policies))

    def policy_for(self, tenant: str, product: str, currency: str) -> LendingPolicy | None:
        """The institution's own policy for the product, else the one for every institution, else None."""
        return self._policies.get((tenant, product, currency)) or self._policies.get((ANY_TENANT, product, currency))


NO_LENDING = LendingBook()


def packaged_book() -> LendingBook:
    """The policies that come with riskwatch, one for each product, for every institution."""
    return LendingBook(packaged_lending(name) for name in packaged_names() if name != BASE)


def read_book(folder: Path) -> LendingBook:
    """The policies of a folder's `.toml` files; a file without a product is there to be extended. Raises `PolicyError`
    with every fault of every file, and for two policies of one institution and product; `OSError`."""
    policies: list[LendingPolicy] = []
    faults: list[Fault] = []
    for file in sorted(folder.glob("*.toml")):
        if not has_product(file):
            continue
        try:
            policies.append(load_lending(file))
        except PolicyError as error:
            faults += [replace(fault, message=f"{file.name}: {fault.message}") for fault in error.faults]
    if not policies and not faults:
        faults.append(Fault(message="no lending policies", suggestion="a policy is a .toml file with a `product`"))
    try:
        book = LendingBook(policies)
    except ValueError as error:
        faults.append(Fault(message=str(error)))
    if faults:
        raise PolicyError(faults, str(folder))
    return book
