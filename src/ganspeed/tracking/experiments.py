"""Which of a store's experiments are those of this study, and how they are found and made."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ganspeed.tracking.address import (
    artifact_folder,
    dvc_experiment,
    is_database,
    is_own_database,
    is_server,
    tracking_uri,
)
from ganspeed.tracking.database import move_artifacts
from ganspeed.tracking.entities import PREFIX, experiment_name
from ganspeed.workspace import Workspace

STUDY_TAG = "ganspeed.study"  # of an experiment: the id of the study whose runs it shows
DATASET_TAG = "ganspeed.dataset"  # its data set, however the experiment is named by now
DVC_TAG = "ganspeed.dvc_experiment"  # the name of DVC's experiment whose runs it shows, if it is one's
EVERY = 3  # mlflow.entities.ViewType.ALL: those included that were deleted in the page


class Experiments:
    """The experiments of this study alone: one for each data set, with the study's id as a tag.

    The database in the root of the study is this study's whatever the tags say, since it may be copied with the
    folder. Each experiment of DVC has experiments of its own here, so that none of them retires the runs of another.
    """

    def __init__(self, client: Any, workspace: Workspace, study: str):
        self._client, self._study = client, study
        self._uri = tracking_uri(workspace)
        self._artifacts = artifact_folder(workspace)
        self._owns_store = is_own_database(workspace, self._uri)
        self._of_dvc = dvc_experiment()

    def bring(self, dataset: str, tags: Mapping[str, str], unless_set: Mapping[str, str]) -> str:
        """The id of the data set's experiment, created if it does not exist; its tags are updated.

        unless_set: tags of which one that is there already is left as it is.
        """
        found = self._by_dataset().get(dataset) or self._create(dataset)
        if found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        self._mend_location(found, dataset)
        first = {tag: value for tag, value in unless_set.items() if tag not in found.tags}
        for tag, value in {**self._identity(dataset), **first, **tags}.items():
            if found.tags.get(tag) != value:
                self._client.set_experiment_tag(found.experiment_id, tag, value)
        return found.experiment_id

    def others(self, datasets: set[str]) -> dict[str, str]:
        """The experiments on other data sets than these: data set → id."""
        others = {name: found for name, found in self._by_dataset().items() if name not in datasets}
        for dataset, experiment in others.items():
            self._mend_location(experiment, dataset)
        return {dataset: experiment.experiment_id for dataset, experiment in others.items()}

    def of_dvc(self, dataset: str) -> dict[str, str]:
        """The experiments of DVC on a data set that MLflow shows: name → id."""
        found = [e for e in self._of_study() if e.lifecycle_stage == "active" and self._dataset(e) == dataset]
        return {name: e.experiment_id for e in found if (name := e.tags.get(DVC_TAG))}

    def _by_dataset(self) -> dict[str, Any]:
        """The experiments of this study, or of this experiment of DVC, by data set.

        Those included that were deleted in the page.
        """
        return {self._dataset(e): e for e in self._of_study() if e.tags.get(DVC_TAG, "") == self._of_dvc}

    def _of_study(self) -> list[Any]:
        named = f"name LIKE '{PREFIX}%'"
        found = self._search(named) if self._owns_store else []
        found = [experiment for experiment in found if not self._is_of_a_guest(experiment)]
        return found + self._search(f"tags.`{STUDY_TAG}` = '{self._study}'")

    @staticmethod
    def _dataset(experiment: Any) -> str:
        return experiment.tags.get(DATASET_TAG, experiment.name.removeprefix(PREFIX))

    def _search(self, query: str) -> list[Any]:
        given = {"view_type": EVERY, "filter_string": query}
        return list(paged(lambda token: self._client.search_experiments(**given, page_token=token)))

    def _is_of_a_guest(self, experiment: Any) -> bool:
        """Whether another study made it, whose MLFLOW_TRACKING_URI is the database of this one."""
        owner, of_dvc = experiment.tags.get(STUDY_TAG, self._study), experiment.tags.get(DVC_TAG, "")
        return owner != self._study and experiment.name == experiment_name(self._dataset(experiment), owner, of_dvc)

    def _create(self, dataset: str) -> Any:
        name = experiment_name(dataset, None if self._owns_store else self._study, self._of_dvc)
        location = None if is_server(self._uri) else self._location(dataset)
        created = self._client.create_experiment(name, location, self._identity(dataset))
        return self._client.get_experiment(created)

    def _identity(self, dataset: str) -> dict[str, str]:
        tags = {STUDY_TAG: self._study, DATASET_TAG: dataset}
        return tags | ({DVC_TAG: self._of_dvc} if self._of_dvc else {})

    def _location(self, dataset: str) -> str:
        return (self._artifacts / dataset / self._of_dvc).as_uri()

    def _mend_location(self, experiment: Any, dataset: str) -> None:
        """Let the pictures of a study that was copied or moved lie in it, not where it was."""
        old, new = experiment.artifact_location, self._location(dataset)
        if is_database(self._uri) and old != new and old.startswith("file:"):
            move_artifacts(self._uri, experiment.experiment_id, old, new)


def paged(page: Callable[[str | None], Any]) -> Iterator[Any]:
    """What all pages hold of an answer; `page` asks for the one that a token names."""
    token = None
    while True:
        found = page(token)
        yield from found
        if not (token := found.token):
            return
