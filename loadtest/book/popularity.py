"""What the popularity of keys allows a cache at best."""

import math


def zipf_mass(first, alpha):
    """The sum of 1 / rank^alpha over the ranks 1 to `first`: exact for the head, then by Euler and Maclaurin."""
    head = min(first, 1000)
    mass = math.fsum(rank ** -alpha for rank in range(1, head + 1))
    if first == head:
        return mass
    integral = math.log(first / head) if alpha == 1 else (first ** (1 - alpha) - head ** (1 - alpha)) / (1 - alpha)
    return mass + integral + (first ** -alpha - head ** -alpha) / 2


def best_hit_ratio(preset, keys, fits):
    """Share of the GETs that find their key in a cache that always holds the `fits` most popular ones. GETs of keys that are asked for the
    first time, by a GET, miss; keys asked for once are never asked for again. Takes the Fields of a preset."""
    weights = dict(part.split("=") for part in preset.text("mix").split(","))
    total = sum(float(weight) for weight in weights.values())
    stores = sum(float(weights.get(kind, 0)) for kind in ("set", "add")) / total
    gets = float(weights.get("get", 0)) / total
    new = preset.number("compulsory_miss_ratio")
    stored_first = min(1.0, stores / new) if new else 1.0
    first_gets = (new - new * stored_first) * gets / (1 - new * stored_first)
    return (1 - first_gets / gets) * zipf_mass(min(fits, keys), preset.number("alpha")) / zipf_mass(keys, preset.number("alpha"))
