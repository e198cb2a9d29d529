"""The recipes a rack can use: those that come along, and the operator's own.

A file in a configured directory takes the place of a packaged one of the same file
name, so that a corrected wording needs no new release.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from pulsarack.ussd.errors import Problem, RecipeErrors, UnknownRecipe
from pulsarack.ussd.recipe import Recipe, load_recipe

PACKAGED = Path(__file__).parent / "recipes"


@dataclass(slots=True)
class Shelf:
    """Recipes by name; who reads the files anew puts others in their place."""

    recipes: Mapping[str, Recipe]

    def get(self, name: str) -> Recipe:
        """Return the recipe of this name; raise UnknownRecipe if there is none."""
        if name not in self.recipes:
            raise UnknownRecipe(name, self.names())
        return self.recipes[name]

    def names(self) -> list[str]:
        """Return the names of all recipes, sorted."""
        return sorted(self.recipes)

    def of_operator(self, operator: str) -> list[Recipe]:
        """Return the recipes of one operator, sorted by name."""
        return [
            self.recipes[name] for name in self.names() if self.recipes[name].operator == operator
        ]


def load_shelf(directories: Iterable[Path] = ()) -> Shelf:
    """Read the packaged recipes and those of the directories, later ones winning.

    Raises RecipeErrors with the faults of all files.
    """
    problems: list[Problem] = []
    files: dict[str, Path] = {}
    for directory in (PACKAGED, *directories):
        if not directory.is_dir():
            problem = Problem(str(directory), "", "no such directory", "create or correct it")
            problems.append(problem)
            continue
        files |= {path.name: path for path in sorted(directory.glob("*.toml"))}
    recipes: dict[str, Recipe] = {}
    origin: dict[str, Path] = {}
    for path in files.values():
        if not path.is_file():
            # Who opens a named pipe waits without end.
            problems.append(Problem(str(path), "", "it is no file", "move it away"))
            continue
        try:
            recipe = load_recipe(path)
        except RecipeErrors as errors:
            problems.extend(errors.problems)
            continue
        if recipe.name in recipes:
            what = f'the name "{recipe.name}" is also that of {origin[recipe.name]}'
            remedy = "rename one, or give the file the same file name to replace the other"
            problems.append(Problem(str(path), "name", what, remedy))
        recipes[recipe.name] = recipe
        origin[recipe.name] = path
    if problems:
        raise RecipeErrors(problems)
    return Shelf(MappingProxyType(recipes))
