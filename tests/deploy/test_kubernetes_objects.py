"""What kustomize makes for a cluster and for the examples: as the schemas have it, and as the sidecar needs it."""

from __future__ import annotations

import json
import re
import subprocess
import textwrap

import pytest
import yaml

from runvitals.catalogue import metrics
from runvitals.cli import main
from tests.deploy.kubernetes_objects import (
    EXAMPLES,
    KUBERNETES,
    ROOT,
    kustomized,
    loaded,
    only,
    pod_template,
    sidecar_of,
)
from tests.deploy.kubernetes_schemas import check

WORKLOADS = {"training": "Job", "vllm": "Deployment", "triton": "Deployment"}
LAST_APPLIED_BYTES = 262144
"""What all annotations of an object may take; without --server-side, `kubectl apply` writes the object into one."""
TARGET_LABELS = {"namespace", "pod", "container", "endpoint", "job", "instance"}
"""What a PodMonitor puts on every series."""


def workload(example):
    """Return the workload of an example, with the sidecar in it."""
    return only(kustomized(KUBERNETES / "examples" / example), WORKLOADS[example])


@pytest.mark.parametrize("folder", ["cluster", "routes", *(f"examples/{example}" for example in EXAMPLES)])
def test_the_schemas_accept_every_object(folder):
    """Those of several versions of Kubernetes, and those of the operator; an unknown key is refused."""
    for one in kustomized(KUBERNETES / folder):
        check(one)


def test_the_schemas_refuse_what_is_wrong():
    """Else they would prove nothing."""
    wrong = workload("vllm")
    sidecar = {**sidecar_of(wrong), "restartPolicy": 1}
    spec = {**pod_template(wrong)["spec"], "initContainers": [sidecar]}
    with pytest.raises(Exception, match="1 is not"):
        check({**wrong, "spec": {**wrong["spec"], "template": {"spec": spec}}})
    config = only(kustomized(KUBERNETES / "routes"), "AlertmanagerConfig")
    with pytest.raises(Exception, match="group_wait"):
        check({**config, "spec": {**config["spec"], "route": {"receiver": "email", "group_wait": "1s"}}})


def test_every_object_is_small_enough():
    """A plain `kubectl apply` takes each, with room to grow; so does the limit of a ConfigMap, 1 MiB."""
    for one in (*kustomized(KUBERNETES / "cluster"), *kustomized(KUBERNETES / "routes")):
        assert len(json.dumps(one)) < 0.75 * LAST_APPLIED_BYTES, one["metadata"]["name"]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_sidecar_is_native_restricted_and_gates_nothing(example):
    """It restarts alone, holds up neither start nor traffic, and asks for no right."""
    sidecar = sidecar_of(workload(example))
    assert sidecar["restartPolicy"] == "Always"
    assert "livenessProbe" in sidecar
    assert not {"readinessProbe", "startupProbe"} & sidecar.keys()
    assert sidecar["resources"]["requests"] == sidecar["resources"]["limits"]
    context = sidecar["securityContext"]
    assert context["runAsNonRoot"]
    assert context["readOnlyRootFilesystem"]
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_users_containers_stay_as_they_are(example):
    """The component adds; of what is the user's it changes nothing."""
    made = pod_template(workload(example))
    name = "job.yaml" if example == "training" else "deployment.yaml"
    given = pod_template(only(loaded((KUBERNETES / "examples" / example / name).read_text()), WORKLOADS[example]))
    assert made["spec"]["containers"] == given["spec"]["containers"]
    assert all(volume in made["spec"]["volumes"] for volume in given["spec"].get("volumes", []))
    assert made["metadata"]["labels"] == {**given["metadata"]["labels"], "runvitals": "sidecar"}


def test_training_and_sidecar_share_the_rings():
    """Both mount one volume in memory where the client looks for it, and a group that lets each read it."""
    spec = pod_template(workload("training"))["spec"]
    for container in (spec["containers"][0], spec["initContainers"][0]):
        assert {"name": "runvitals-rings", "mountPath": "/run/runvitals"} in container["volumeMounts"]
    (rings,) = [volume for volume in spec["volumes"] if volume["name"] == "runvitals-rings"]
    assert rings["emptyDir"]["medium"] == "Memory"
    assert spec["securityContext"]["fsGroup"] == spec["initContainers"][0]["securityContext"]["runAsGroup"]


def test_the_podmonitor_finds_the_sidecar_under_the_job_that_the_rules_look_for():
    """Label, port name and job are the same words on both sides, and no label of ours is in the way of the target's."""
    monitor = only(kustomized(KUBERNETES / "cluster"), "PodMonitor")["spec"]
    (endpoint,) = monitor["podMetricsEndpoints"]
    made = workload("training")
    assert monitor["selector"]["matchLabels"].items() <= pod_template(made)["metadata"]["labels"].items()
    assert endpoint["port"] in [port["name"] for port in sidecar_of(made)["ports"]]
    assert {"targetLabel": "job", "replacement": "runvitals", "action": "replace"} in endpoint["relabelings"]
    assert 'up{job="runvitals"}' in (ROOT / "prometheus" / "rules" / "pipeline.yml").read_text()
    assert not [metric.name for metric in metrics.ALL if TARGET_LABELS & set(metric.labels)]


def test_a_workload_without_the_label_is_left_alone_and_a_patch_has_the_last_word(tmp_path):
    """The label decides who is watched, and the user what is set."""
    (tmp_path / "job.yaml").write_text(
        yaml.safe_dump_all(
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {"name": name, "labels": labels},
                "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a"}]}}},
            }
            for name, labels in (("watched", {"runvitals": "sidecar"}), ("plain", {}))
        )
    )
    (tmp_path / "sidecar").symlink_to(KUBERNETES / "sidecar")
    patch = "- {op: replace, path: /spec/template/spec/securityContext/fsGroup, value: 42}"
    kustomization = {
        "resources": ["job.yaml"],
        "components": ["sidecar"],
        "patches": [{"target": {"kind": "Job", "name": "watched"}, "patch": patch}],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    made = {one["metadata"]["name"]: pod_template(one)["spec"] for one in kustomized(tmp_path)}
    assert "initContainers" not in made["plain"]
    assert made["watched"]["securityContext"]["fsGroup"] == 42


@pytest.mark.parametrize("example", ["vllm", "triton"])
def test_check_config_accepts_the_sidecars_config(example, tmp_path, capsys):
    """And the container is told where it lies."""
    objects = kustomized(KUBERNETES / "examples" / example)
    config = only(objects, "ConfigMap")
    (tmp_path / "runvitals.yml").write_text(config["data"]["runvitals.yml"])
    assert main(["check-config", str(tmp_path / "runvitals.yml")]) == 0, capsys.readouterr()
    made = workload(example)
    assert {"name": "RUNVITALS_CONFIG_FILE", "value": "/etc/runvitals/runvitals.yml"} in sidecar_of(made)["env"]
    (volume,) = [one for one in pod_template(made)["spec"]["volumes"] if one["name"] == "runvitals-config"]
    assert volume["configMap"]["name"] == config["metadata"]["name"]


def test_the_network_policy_closes_one_port(tmp_path):
    """Prometheus reaches the sidecar; everybody reaches every other port."""
    (policy,) = loaded((KUBERNETES / "network-policy" / "networkpolicy.yaml").read_text())
    check(policy)
    scraped, others = policy["spec"]["ingress"]
    assert [port["port"] for port in scraped["ports"]] == [9877]
    assert "from" not in others
    open_ports = {
        port for one in others["ports"] if one["protocol"] == "TCP" for port in range(one["port"], one["endPort"] + 1)
    }
    assert open_ports == set(range(1, 65536)) - {9877}


def readme_documents():
    """Return the YAML that the README shows."""
    blocks = re.findall(r"^ *```yaml\n(.*?)^ *```", (KUBERNETES / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    return [one for block in blocks for one in loaded(textwrap.dedent(block))]


def patched(folder, kustomization, resource):
    """Return what kustomize makes of a resource of ours with what the README shows around it."""
    (folder / resource).symlink_to(KUBERNETES / resource)
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({**kustomization, "resources": [resource]}))
    return kustomized(folder)


def patches_of(kind):
    """Return the README's kustomization with patches of a kind."""
    (found,) = [one for one in readme_documents() if kind in [p["target"]["kind"] for p in one.get("patches", [])]]
    return found


def test_the_readmes_alertmanager_is_right():
    """What a reader copies is accepted."""
    (alertmanager,) = [one for one in readme_documents() if one.get("kind") == "Alertmanager"]
    check(alertmanager)
    made = {one["metadata"]["name"]: one for one in kustomized(KUBERNETES / "routes")}
    assert set(alertmanager["spec"]["configMaps"]) <= made.keys()
    selected = alertmanager["spec"]["alertmanagerConfigSelector"]["matchLabels"]
    assert selected.items() <= made["runvitals"]["metadata"]["labels"].items()


def test_the_readmes_addresses_come_to_their_receivers(tmp_path):
    """The places that it patches are those of the receivers that it means."""
    spec = only(patched(tmp_path, patches_of("AlertmanagerConfig"), "routes"), "AlertmanagerConfig")["spec"]
    receivers = {one["name"]: one for one in spec["receivers"]}
    assert receivers["email"]["emailConfigs"][0]["smarthost"] == "smtp.example.org:587"
    assert receivers["sms"]["snsConfigs"][0]["phoneNumber"].startswith("+49")


def test_the_readmes_patch_takes_out_the_alert_that_it_names(tmp_path):
    """And nothing else."""
    before = alerts_of(kustomized(KUBERNETES / "cluster"))
    after = alerts_of(patched(tmp_path, patches_of("PrometheusRule"), "cluster"))
    assert before - after == {"RunvitalsTargetAbsent"}
    assert len(before) == len(after) + 1


def alerts_of(objects):
    """Return the names of all alerts."""
    specs = [one["spec"] for one in objects if one["kind"] == "PrometheusRule"]
    return {rule["alert"] for spec in specs for group in spec["groups"] for rule in group["rules"] if "alert" in rule}


def test_the_image_is_of_this_version():
    """A release that forgets one of the places does not pass."""
    version = subprocess.run(
        ["sed", "-n", 's/^version = "\\(.*\\)"/\\1/p', ROOT / "pyproject.toml"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert f"image: runvitals:{version} " in (KUBERNETES / "sidecar" / "sidecar.yaml").read_text()
    for example in EXAMPLES:
        kustomization = yaml.safe_load((KUBERNETES / "examples" / example / "kustomization.yaml").read_text())
        assert kustomization["images"][0]["newTag"] == version
