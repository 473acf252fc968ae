"""Plays the scenarios over many seeds and weathers on the simulated network: honest agents must never be accused.

usage: seeds.py [--seeds 1000] [--first 1] [--only WORD] [--profile NAME] [--transport udp] [--worst]
[--processes N]      exit 1 on any finding
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from sipconform.killing import Seen, play_once
from sipconform.lab.scenarios import known_scenarios
from sipconform.lab.settings import LabSettings, Weather
from sipconform.lab.stage import Ending


def weather_of(seed: int) -> Weather:
    """Up to 10 % loss, 5 % duplication, 10 % overtaking, up to 80 ms under way; every seed another mixture."""
    draw = random.Random(f"weather {seed}")
    least = draw.uniform(0.0005, 0.02)
    return Weather(
        loss=draw.choice([0.0, draw.uniform(0, 0.1)]),
        duplicate=draw.uniform(0, 0.05),
        reorder=draw.uniform(0, 0.1),
        delay=(least, least + draw.uniform(0, 0.06)),
    )


WORST = Weather(loss=0.1, duplicate=0.05, reorder=0.1, delay=(0.01, 0.08))


def play_seed(job: tuple[int, int, str, str, bool]) -> tuple[int, Seen]:
    seed, at, transport, profile, worst = job
    weather = WORST if worst else weather_of(seed)
    settings = LabSettings(seed=seed, weather=weather, transport=transport, profile=profile)  # type: ignore[arg-type]
    return seed, play_once(known_scenarios()[at], settings=settings)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--only", default="", help="a word in the scenario's id")
    parser.add_argument("--profile", default="", help="instead of the one a scenario was written for")
    parser.add_argument("--transport", choices=["udp", "tcp", "tls"], default="udp")
    parser.add_argument("--worst", action="store_true", help="every seed in the worst weather")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    chosen = [at for at, scenario in enumerate(known_scenarios()) if given.only in scenario.id]
    if not chosen:
        print(f"no scenario has {given.only!r} in its id", file=sys.stderr)
        return 3
    seeds = range(given.first, given.first + given.seeds)
    jobs = [(seed, chosen[seed % len(chosen)], given.transport, given.profile, given.worst) for seed in seeds]
    accused, endings = Counter[str](), Counter[str]()
    with ProcessPoolExecutor(given.processes) as pool:
        for seed, seen in pool.map(play_seed, jobs, chunksize=8):
            endings[seen.ending] += 1
            if seen.ending not in (Ending.PLAYED, Ending.NOT_SUPPORTED):
                print(f"seed {seed}: {seen.scenario} {seen.ending}: {seen.sentence}")
            for check in seen.broken:
                accused[f"{check} raised an exception"] += 1
            for check, observed in seen.failed.items():
                accused[check] += 1
                print(f"seed {seed}: {seen.scenario} {check}: {observed}")
    print(f"{len(jobs)} runs: {dict(endings)}; findings against honest agents: {dict(accused) or 'none'}")
    return 1 if accused else 0


if __name__ == "__main__":
    sys.exit(main())
