"""Collections policies as files: TOML, with inheritance, every fault told at once; and the policies in force.

A file without a `product` is there to be extended. `jurisdiction` names packaged contact rules, or a file beside this
one.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path as FilePath

from msgspec.structs import replace

from riskwatch.policy.collectionchecks import collection_flaws
from riskwatch.policy.collectionpolicy import CollectionPolicy
from riskwatch.policy.collectionreader import CollectionReader
from riskwatch.policy.faults import Fault, PolicyError
from riskwatch.policy.policykinds import COLLECTIONS, kind_of
from riskwatch.policy.tomlfiles import Source, resolved, source_of

BASE = "collections-base"
"""The packaged policy that the others extend."""
ANY_TENANT = "*"


def packaged_collections(name: str) -> CollectionPolicy:
    """A policy that comes with riskwatch. Raises `PolicyError` for a name that there is not."""
    return _policy(COLLECTIONS.packaged(name))


def load_collections(path: FilePath) -> CollectionPolicy:
    """The policy of a file. Raises `PolicyError` with every fault, and `OSError`."""
    return _policy(source_of(path))


class CollectionBook:
    """Collections policies by institution, product and currency. Immutable; false where it holds none."""

    def __init__(self, policies: Iterable[CollectionPolicy] = ()) -> None:
        """Raises `ValueError` for two policies of one institution, product and currency."""
        self._policies: dict[tuple[str, str, str], CollectionPolicy] = {}
        for policy in policies:
            place = (policy.tenant, policy.product, policy.currency)
            if place in self._policies:
                raise ValueError(f"two collections policies for {', '.join(place)}")
            self._policies[place] = policy

    def __bool__(self) -> bool:
        return bool(self._policies)

    def policy_for(self, tenant: str, product: str, currency: str) -> CollectionPolicy | None:
        """The institution's own policy for the product, else the one for every institution, else None."""
        return self._policies.get((tenant, product, currency)) or self._policies.get((ANY_TENANT, product, currency))


NO_COLLECTIONS = CollectionBook()


def packaged_collection_book() -> CollectionBook:
    """The policies that come with riskwatch, for every institution."""
    return CollectionBook(packaged_collections(name) for name in COLLECTIONS.names() if name != BASE)


def read_collection_book(folder: FilePath) -> CollectionBook:
    """The policies of a folder's `.toml` files that have a product and are of collections. Raises `PolicyError` with
    every fault of every file, and for two policies of one institution and product; `OSError`."""
    policies: list[CollectionPolicy] = []
    faults: list[Fault] = []
    for file in sorted(folder.glob("*.toml")):
        if kind_of(file) != "collections" or not has_collection_product(file):
            continue
        try:
            policies.append(load_collections(file))
        except PolicyError as error:
            faults += [replace(fault, message=f"{file.name}: {fault.message}") for fault in error.faults]
    if not policies and not faults:
        faults.append(Fault(message="no collections policies", suggestion="a policy is a .toml file with a `product`"))
    try:
        book = CollectionBook(policies)
    except ValueError as error:
        faults.append(Fault(message=str(error)))
    if faults:
        raise PolicyError(faults, str(folder))
    return book


def has_collection_product(path: FilePath) -> bool:
    """Whether the file says for which product it is, itself or by what it extends; true for one with faults."""
    try:
        return "product" in resolved(source_of(path), COLLECTIONS).content
    except PolicyError:
        return True


def _policy(source: Source) -> CollectionPolicy:
    whole = resolved(source, COLLECTIONS)
    reader = CollectionReader(source, whole)
    policy = reader.policy()
    if policy is not None:
        for flaw in collection_flaws(policy):
            reader.fault(flaw.path, flaw.message, flaw.suggestion)
    faults = sorted((*whole.faults, *reader.faults), key=lambda fault: fault.line or 0)
    if faults or policy is None:
        raise PolicyError(faults, source.name)
    return policy
