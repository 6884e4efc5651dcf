"""An exercise sheet as a page: the statement and hints of the student's notebook, each solution folded below."""

from collections.abc import Iterator

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

FOLD = '<details class="solution"><summary>Solution</summary>'
UNFOLD = "</details>"


def sheet(student: NotebookNode, solved: NotebookNode) -> NotebookNode:
    """Of two notebooks made of one text: what both have stays; stub, hints, then the solution, its check and why."""
    page = NotebookNode(solved)
    page.cells = list(woven(student.cells, solved.cells))
    return page


def woven(asked: list[NotebookNode], answered: list[NotebookNode]) -> Iterator[NotebookNode]:
    """Three kinds of cells of the solved notebook: the same as asked, a stub filled in, and one that only explains.

    A fold begins after the hints (the first cell that is code again, the check) and ends after what only explains.
    """
    todo, solution, folded = list(asked), None, False
    for cell in answered:
        same = bool(todo) and key(cell) == key(todo[0])
        filled = bool(todo) and not same and cell.cell_type == todo[0].cell_type == "code"
        explains = not same and not filled
        if folded and not explains:
            yield new_markdown_cell(UNFOLD)
            folded = False
        if filled:
            yield todo.pop(0)
            solution = cell
            continue
        if same:
            todo.pop(0)
        if solution is not None and cell.cell_type == "code":
            yield from (new_markdown_cell(FOLD), solution)
            solution, folded = None, True
        yield cell
    if todo or solution is not None:
        raise ValueError("the student's notebook and the solutions are not made of the same text")
    if folded:
        yield new_markdown_cell(UNFOLD)


def key(cell: NotebookNode) -> tuple[str, str]:
    """What makes two cells the same one. (The title of each notebook has a badge of its own.)"""
    source = cell.source.replace("/solutions/", "/exercises/")
    return cell.cell_type, source
