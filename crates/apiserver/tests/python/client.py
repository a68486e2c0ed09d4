"""The official Python client against the cluster of $KUBECONFIG.

    python client.py NAMESPACE

Everything happens in NAMESPACE, which must exist; the one cluster-scoped
object is named after it and deleted at the end. Each check prints its name;
the first that fails ends the program with a traceback.
"""

import base64
import json
import sys
import threading

from kubernetes import client, config, dynamic, utils, watch
from kubernetes.client.rest import ApiException
from kubernetes.dynamic.exceptions import ConflictError, NotFoundError, ResourceNotFoundError
from kubernetes.informer import ADDED, DELETED, SharedInformer
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

NAMESPACE = sys.argv[1]
WAIT_SECONDS = 30


def config_map(name, data=None, labels=None):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels=labels), data=data)


def deployment(name, image="nginx:1", replicas=0):
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    }


def refused(status, reason, call, *arguments, **options):
    """Calls what the server must refuse; gives the message."""
    try:
        call(*arguments, **options)
    except ApiException as error:
        body = json.loads(error.body)
        assert (error.status, body["reason"]) == (status, reason), error
        return body["message"]
    raise AssertionError(f"{call.__name__} was not refused")


def typed_objects_are_created_read_listed_and_replaced(core):
    made = core.create_namespaced_config_map(NAMESPACE, config_map("a", {"k": "v"}, {"set": "one"}))
    assert made.metadata.uid and made.metadata.creation_timestamp.tzinfo
    core.create_namespaced_config_map(NAMESPACE, config_map("b", {"k": "w"}, {"set": "one"}))
    assert core.read_namespaced_config_map("a", NAMESPACE).data == {"k": "v"}
    listed = core.list_namespaced_config_map(NAMESPACE, label_selector="set=one")
    assert [item.metadata.name for item in listed.items] == ["a", "b"]
    page = core.list_namespaced_config_map(NAMESPACE, label_selector="set=one", limit=1)
    rest = core.list_namespaced_config_map(
        NAMESPACE, label_selector="set=one", limit=1, _continue=page.metadata._continue
    )
    assert [item.metadata.name for item in page.items + rest.items] == ["a", "b"]
    made.data = {"k": "x"}
    replaced = core.replace_namespaced_config_map("a", NAMESPACE, made)
    assert replaced.data == {"k": "x"}
    message = refused(409, "Conflict", core.replace_namespaced_config_map, "a", NAMESPACE, made)
    assert "the object has been modified" in message, message
    refused(409, "AlreadyExists", core.create_namespaced_config_map, NAMESPACE, config_map("a"))
    message = refused(404, "NotFound", core.read_namespaced_config_map, "nope", NAMESPACE)
    assert message == 'configmaps "nope" not found', message
    message = refused(422, "Invalid", core.create_namespaced_config_map, NAMESPACE, config_map("No_Name"))
    assert "a lowercase RFC 1123 subdomain" in message, message


def secrets_and_services_get_their_defaults(core):
    secret = client.V1Secret(metadata=client.V1ObjectMeta(name="s"), string_data={"p": "q"})
    core.create_namespaced_secret(NAMESPACE, secret)
    read = core.read_namespaced_secret("s", NAMESPACE)
    assert base64.b64decode(read.data["p"]) == b"q" and read.type == "Opaque"
    spec = client.V1ServiceSpec(selector={"app": "web"}, ports=[client.V1ServicePort(port=80, target_port="http")])
    service = client.V1Service(metadata=client.V1ObjectMeta(name="v"), spec=spec)
    made = core.create_namespaced_service(NAMESPACE, service)
    assert made.spec.cluster_ip and made.spec.ports[0].target_port == "http"
    assert made.spec.session_affinity == "None"


def every_kind_of_patch_is_taken(apps):
    apps.create_namespaced_deployment(NAMESPACE, deployment("web"))
    pod = {"spec": {"containers": [{"name": "web", "image": "nginx:2"}, {"name": "side", "image": "side"}]}}
    body = {"spec": {"template": pod}}
    merged = apps.patch_namespaced_deployment("web", NAMESPACE, body)
    assert [it.name for it in merged.spec.template.spec.containers] == ["web", "side"]
    assert merged.spec.template.spec.containers[0].image == "nginx:2"
    body = [{"op": "replace", "path": "/spec/minReadySeconds", "value": 3}]
    assert apps.patch_namespaced_deployment("web", NAMESPACE, body).spec.min_ready_seconds == 3
    only = {"spec": {"template": {"spec": {"containers": [{"name": "only", "image": "only"}]}}}}
    content_type = {"_content_type": "application/merge-patch+json"}
    merged = apps.patch_namespaced_deployment("web", NAMESPACE, only, **content_type)
    assert [it.name for it in merged.spec.template.spec.containers] == ["only"]
    scaled = apps.patch_namespaced_deployment_scale("web", NAMESPACE, {"spec": {"replicas": 0}})
    assert not scaled.spec.replicas
    condition = {"type": "Mine", "status": "True"}
    patched = apps.patch_namespaced_deployment_status("web", NAMESPACE, {"status": {"conditions": [condition]}})
    assert "Mine" in [it.type for it in patched.status.conditions]


def appliers_conflict_and_force(apps):
    def apply(manager, image, **options):
        return apps.patch_namespaced_deployment(
            "applied",
            NAMESPACE,
            deployment("applied", image),
            field_manager=manager,
            _content_type="application/apply-patch+yaml",
            **options,
        )

    first = apply("one", "nginx:1")
    assert apply("one", "nginx:1").metadata.generation == first.metadata.generation
    message = refused(409, "Conflict", apply, "two", "nginx:2")
    assert 'conflict with "one": .spec.template.spec.containers[name="web"].image' in message, message
    forced = apply("two", "nginx:2", force=True)
    assert forced.spec.template.spec.containers[0].image == "nginx:2"
    assert {entry.manager for entry in forced.metadata.managed_fields} >= {"one", "two"}
    dry = apply("two", "nginx:3", dry_run="All")
    assert dry.spec.template.spec.containers[0].image == "nginx:3"
    read = apps.read_namespaced_deployment("applied", NAMESPACE)
    assert read.spec.template.spec.containers[0].image == "nginx:2"


def a_watch_tells_what_happens_and_ends(core):
    version = core.list_namespaced_config_map(NAMESPACE).metadata.resource_version
    core.create_namespaced_config_map(NAMESPACE, config_map("seen", labels={"in": "sight"}))
    core.patch_namespaced_config_map("seen", NAMESPACE, {"data": {"k": "v"}})
    core.delete_namespaced_config_map("seen", NAMESPACE)
    watcher, events = watch.Watch(), []
    options = {"resource_version": version, "label_selector": "in=sight", "timeout_seconds": WAIT_SECONDS}
    for event in watcher.stream(core.list_namespaced_config_map, NAMESPACE, **options):
        events.append((event["type"], event["object"].metadata.name, event["object"].data))
        if event["type"] == "DELETED":
            watcher.stop()
    expected = [("ADDED", "seen", None), ("MODIFIED", "seen", {"k": "v"}), ("DELETED", "seen", {"k": "v"})]
    assert events == expected, events
    ended = list(watch.Watch().stream(core.list_namespaced_secret, NAMESPACE, timeout_seconds=1))
    assert "s" in [event["object"].metadata.name for event in ended]


def an_informer_keeps_up(core):
    added, deleted = threading.Event(), threading.Event()
    informer = SharedInformer(core.list_namespaced_config_map, namespace=NAMESPACE, label_selector="set=informed")
    informer.add_event_handler(ADDED, lambda _: added.set())
    informer.add_event_handler(DELETED, lambda _: deleted.set())
    informer.start()
    core.create_namespaced_config_map(NAMESPACE, config_map("informed", labels={"set": "informed"}))
    assert added.wait(WAIT_SECONDS)
    assert [it.metadata.name for it in informer.cache.list()] == ["informed"]
    core.delete_namespaced_config_map("informed", NAMESPACE)
    assert deleted.wait(WAIT_SECONDS)
    informer.stop()


def the_dynamic_client_finds_kinds_by_discovery(api):
    found = dynamic.DynamicClient(api)
    maps = found.resources.get(api_version="v1", kind="ConfigMap")
    made = maps.create(body={"metadata": {"name": "dyn"}, "data": {"k": "v"}}, namespace=NAMESPACE)
    assert made.data.k == "v"
    maps.patch(body={"data": {"l": "w"}}, name="dyn", namespace=NAMESPACE)
    assert maps.get(name="dyn", namespace=NAMESPACE).data.to_dict() == {"k": "v", "l": "w"}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "dyn"}, "data": {"k": "x"}}
    apply = {"body": body, "name": "dyn", "namespace": NAMESPACE, "field_manager": "dyn"}
    try:
        maps.server_side_apply(**apply)
        raise AssertionError("no conflict")
    except ConflictError as error:
        assert ".data.k" in error.summary()
    assert maps.server_side_apply(**apply, force_conflicts=True).data.k == "x"
    events = maps.watch(namespace=NAMESPACE, name="dyn", timeout=WAIT_SECONDS)
    assert next(iter(events))["object"].metadata.name == "dyn"
    maps.delete(name="dyn", namespace=NAMESPACE)
    try:
        maps.get(name="dyn", namespace=NAMESPACE)
        raise AssertionError("it is still there")
    except NotFoundError:
        pass
    try:
        found.resources.get(api_version="example.com/v9", kind="Gadget")
        raise AssertionError("a kind that nobody serves")
    except ResourceNotFoundError:
        pass


def custom_resources_are_served(api):
    group = f"{NAMESPACE}.example.com"
    definitions, objects = client.ApiextensionsV1Api(), client.CustomObjectsApi()
    spec = {"type": "object", "properties": {"size": {"type": "integer", "minimum": 1}}}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget"}
    body = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }
    definitions.create_custom_resource_definition(body)
    try:
        await_established(definitions, f"widgets.{group}")
        where = (group, "v1", NAMESPACE, "widgets")
        widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 1}}
        objects.create_namespaced_custom_object(*where, widget)
        patched = objects.patch_namespaced_custom_object(*where, "w", {"spec": {"size": 2}})
        assert patched["spec"] == {"size": 2} and patched["metadata"]["generation"] == 2
        message = refused(422, "Invalid", objects.patch_namespaced_custom_object, *where, "w", {"spec": {"size": 0}})
        assert "spec.size in body should be greater than or equal to 1" in message, message
        found = dynamic.DynamicClient(api).resources.get(api_version=f"{group}/v1", kind="Widget")
        assert [it.metadata.name for it in found.get(namespace=NAMESPACE).items] == ["w"]
        objects.delete_namespaced_custom_object(*where, "w")
    finally:
        definitions.delete_custom_resource_definition(f"widgets.{group}")


def await_established(definitions, name):
    events = watch.Watch().stream(
        definitions.list_custom_resource_definition,
        field_selector=f"metadata.name={name}",
        timeout_seconds=WAIT_SECONDS,
    )
    for event in events:
        conditions = event["object"].status and event["object"].status.conditions or []
        if any(it.type == "Established" and it.status == "True" for it in conditions):
            return
    raise AssertionError(f"{name} is not established")


def a_lease_elects_one_leader():
    leads = threading.Event()

    def elect(name):
        def lead():
            leads.set()

        lock = LeaseLock("election", NAMESPACE, name)
        chosen = electionconfig.Config(lock, 15, 10, 2, lead, None)
        threading.Thread(target=leaderelection.LeaderElection(chosen).run, daemon=True).start()

    elect("one")
    assert leads.wait(WAIT_SECONDS)
    second = LeaseLock("election", NAMESPACE, "two")
    held, record = second.get("election", NAMESPACE)
    assert held and record.holder_identity == "one"
    lease = client.CoordinationV1Api().read_namespaced_lease("election", NAMESPACE)
    assert lease.spec.lease_duration_seconds == 15 and lease.spec.renew_time.microsecond is not None


def manifests_are_created_from_a_file(api):
    utils.create_from_dict(api, deployment("from-dict"), namespace=NAMESPACE)
    assert client.AppsV1Api().read_namespaced_deployment("from-dict", NAMESPACE).spec.replicas == 0


def rights_are_told(api):
    reviews = client.AuthorizationV1Api()
    attributes = client.V1ResourceAttributes(namespace=NAMESPACE, verb="delete", resource="pods")
    review = client.V1SelfSubjectAccessReview(spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes))
    assert reviews.create_self_subject_access_review(review).status.allowed
    spec = client.V1SubjectAccessReviewSpec(user="ann", resource_attributes=attributes)
    assert not reviews.create_subject_access_review(client.V1SubjectAccessReview(spec=spec)).status.allowed
    core = client.CoreV1Api()
    request = client.AuthenticationV1TokenRequest(spec=client.V1TokenRequestSpec(audiences=[]))
    token = core.create_namespaced_service_account_token("default", NAMESPACE, request).status.token
    tenant = client.Configuration.get_default_copy()
    tenant.api_key = {"BearerToken": f"Bearer {token}"}
    tenant.refresh_api_key_hook = None
    tenant.cert_file = tenant.key_file = None
    pods = client.CoreV1Api(client.ApiClient(tenant)).list_namespaced_pod
    message = refused(403, "Forbidden", pods, NAMESPACE)
    assert f'User "system:serviceaccount:{NAMESPACE}:default" cannot list resource "pods"' in message, message


def versions_and_groups_are_read():
    assert client.VersionApi().get_code().major == "1"
    groups = [it.name for it in client.ApisApi().get_api_versions().groups]
    assert "apps" in groups and "batch" in groups
    resources = [it.name for it in client.CoreV1Api().get_api_resources().resources]
    assert "configmaps" in resources and "pods/status" in resources


def deletion_takes_what_belongs_to_it(core, apps):
    owner = core.create_namespaced_config_map(NAMESPACE, config_map("owner"))
    reference = client.V1OwnerReference(api_version="v1", kind="ConfigMap", name="owner", uid=owner.metadata.uid)
    owned = config_map("owned")
    owned.metadata.owner_references = [reference]
    version = core.create_namespaced_config_map(NAMESPACE, owned).metadata.resource_version
    core.delete_namespaced_config_map("owner", NAMESPACE, propagation_policy="Background")
    watcher = watch.Watch()
    options = {"resource_version": version, "field_selector": "metadata.name=owned", "timeout_seconds": WAIT_SECONDS}
    gone = [it["type"] for it in watcher.stream(core.list_namespaced_config_map, NAMESPACE, **options) if not watcher.stop()]
    assert gone == ["DELETED"], gone
    core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="set=one")
    assert not core.list_namespaced_config_map(NAMESPACE, label_selector="set=one").items
    wrong = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="another"))
    message = refused(409, "Conflict", apps.delete_namespaced_deployment, "web", NAMESPACE, body=wrong)
    assert "the UID in the precondition (another)" in message, message
    status = apps.delete_namespaced_deployment("web", NAMESPACE)
    assert "Success" in str(status), status


def check(what, *arguments):
    what(*arguments)
    print(what.__name__.replace("_", " "))


def main():
    config.load_kube_config()
    api, core, apps = client.ApiClient(), client.CoreV1Api(), client.AppsV1Api()
    check(versions_and_groups_are_read)
    check(typed_objects_are_created_read_listed_and_replaced, core)
    check(secrets_and_services_get_their_defaults, core)
    check(every_kind_of_patch_is_taken, apps)
    check(appliers_conflict_and_force, apps)
    check(a_watch_tells_what_happens_and_ends, core)
    check(an_informer_keeps_up, core)
    check(the_dynamic_client_finds_kinds_by_discovery, api)
    check(custom_resources_are_served, api)
    check(a_lease_elects_one_leader)
    check(manifests_are_created_from_a_file, api)
    check(rights_are_told, api)
    check(deletion_takes_what_belongs_to_it, core, apps)


if __name__ == "__main__":
    main()
