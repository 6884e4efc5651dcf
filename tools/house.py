"""The map of the package, drawn from its real imports: which room stands on which.  python tools/house.py  prints it.

The algorithm is the ground floor. A room may import the algorithm and the rooms in the rows below its own.
"""

from functools import cache

import grimp
from matplotlib.figure import Figure
from slug import PROJECT

from ipa_tutorial.pictures.typeset import Sheet

PACKAGE = PROJECT / "ipa_tutorial"
GROUND = "algorithm"  # the files that lie in the package itself
ROWS = (("proteins", "fast"), ("classroom", "pictures", "dreams", "studies"))  # from the ground up
SAYS = {
    "fast": "the same numbers, fast",
    "proteins": "real chains as tensors",
    "classroom": "checks and bugs",
    "dreams": "new backbones",
    "studies": "who does the work?",
    "pictures": "everything that draws",
}
WIDTH, HEIGHT, MARGIN = 900, 430, 20
ROOM = {GROUND: (WIDTH - 2 * MARGIN, 96), "proteins": (150, 78), "fast": (150, 78)}  # width and height; any other:
UPPER = (190, 78)
TOPS = (HEIGHT - 96 - MARGIN, 176, MARGIN)  # of the ground floor and of each row, from the top of the sheet
LANES = {"proteins": 124, "fast": 148}  # where the arrows of the upper rooms turn towards these


@cache
def graph() -> grimp.ImportGraph:
    """Which module of the package imports which, packages from outside among them."""
    return grimp.build_graph("ipa_tutorial", include_external_packages=True, cache_dir=None)


def own_modules() -> list[str]:
    """The package's modules, its front door left out."""
    return sorted(name for name in graph().modules if name.startswith("ipa_tutorial."))


def room_of(module: str) -> str:
    """``"ipa_tutorial.fast.linear"`` → ``"fast"``; ``"ipa_tutorial.rigid"`` → ``"algorithm"``."""
    first = module.split(".")[1]
    return first if (PACKAGE / first).is_dir() else GROUND


def house() -> dict[str, set[str]]:
    """{room: rooms that its files import}, the front door left out."""
    stands_on: dict[str, set[str]] = {}
    for module in own_modules():
        imported = graph().find_modules_directly_imported_by(module)
        below = {room_of(name) for name in imported if name.startswith("ipa_tutorial.")}
        stands_on.setdefault(room_of(module), set()).update(below - {room_of(module)})
    return stands_on


def modules_of(room: str) -> list[str]:
    return [name for name in own_modules() if room_of(name) == room]


def in_words() -> str:
    arrows = (f"{room} stands on {', '.join(sorted(below))}" for room, below in house().items() if below)
    return f"The rooms of the package and what each imports. {'; '.join(arrows)}."


def house_map(dark: bool = False) -> Figure:
    """Rooms as boxes, the algorithm at the bottom; an arrow leads from a room to one that it imports."""
    sheet, middles = Sheet(WIDTH, HEIGHT, dark), {GROUND: WIDTH / 2}
    for row in ROWS:
        middles |= {room: WIDTH * (index + 0.5) / len(row) for index, room in enumerate(row)}
    for room, below in house().items():
        for place, target in enumerate(sorted(below)):
            _arrow(sheet, room, target, middles[room] + 22 * (place - (len(below) - 1) / 2), middles[target])
    for room, middle in middles.items():
        _room(sheet, room, middle)
    return sheet.figure


def _top(room: str) -> float:
    return TOPS[0] if room == GROUND else TOPS[next(n for n, row in enumerate(ROWS, 1) if room in row)]


def _size(room: str) -> tuple[float, float]:
    return ROOM.get(room, UPPER)


def _room(sheet: Sheet, room: str, middle: float) -> None:
    (w, h), top = _size(room), _top(room)
    is_ground = room == GROUND
    sheet.box(
        middle - w / 2, top, w, h, "band" if is_ground else "scalar band", "mark" if is_ground else "scalar", lw=1.5
    )
    title = "ipa_tutorial/" if is_ground else f"{room}/"
    sheet.write(middle, top + 22, title, "ink", 14, ha="center", weight="bold")
    if is_ground:
        names = [f"{module.split('.')[-1]}.py" for module in modules_of(GROUND)]
        half = (len(names) + 1) // 2
        for line, part in enumerate((names[:half], names[half:])):
            sheet.write(middle, top + 46 + 20 * line, "   ".join(part), "ink", 12, ha="center")
        sheet.write(middle, top + h - 9, "the algorithm: torch and tqdm, nothing else", "grey", 10.5, ha="center")
    else:
        sheet.write(middle, top + 42, SAYS[room], "ink", 11.5, ha="center")
        sheet.write(middle, top + 62, f"{len(modules_of(room))} files", "grey", 10.5, ha="center")


def _arrow(sheet: Sheet, room: str, target: str, start: float, end: float) -> None:
    begin = _top(room) + _size(room)[1]
    if target == GROUND:  # straight down: a column of its own passes beside the rooms below
        sheet.arrow([(start, begin), (start, _top(GROUND))], "grey", lw=1.4)
        return
    lane = LANES[target]
    landing = end + 18 * (list(ROWS[1]).index(room) - 1.5)
    sheet.arrow([(start, begin), (start, lane), (landing, lane), (landing, _top(target))], "ink", lw=1.4)


if __name__ == "__main__":
    for room, below in house().items():
        print(f"{room:10} {len(modules_of(room)):3} files   stands on: {', '.join(sorted(below)) or 'nothing'}")
