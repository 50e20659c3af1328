# Three identities: the two jobs as service accounts, and the reviewers. What each may do with objects is in access.tf.

resource "google_service_account" "screen" {
  project      = var.project_id
  account_id   = "${var.name}-screen"
  display_name = "Content screening: reads uploads, writes verdicts"

  depends_on = [google_project_service.needed]
}

resource "google_service_account" "release" {
  project      = var.project_id
  account_id   = "${var.name}-release"
  display_name = "Content screening: reads verdicts, writes live and quarantine"

  depends_on = [google_project_service.needed]
}

# roles/dataflow.worker less its storage.objects.*, which it gives on every bucket of the project: with it, release
# could write verdicts and screen could write to live. Added: what the launcher, which runs as the same account, needs.
resource "google_project_iam_custom_role" "job" {
  project     = var.project_id
  role_id     = "${replace(var.name, "-", "_")}_job"
  title       = "Content screening: run a Dataflow batch job"
  description = "Launch and work on batch jobs, without access to any object."
  permissions = [
    "autoscaling.sites.readRecommendations",
    "autoscaling.sites.writeMetrics",
    "autoscaling.sites.writeState",
    "compute.instanceGroupManagers.update",
    "compute.instances.delete",
    "compute.instances.setDiskAutoDelete",
    "dataflow.jobs.create",
    "dataflow.jobs.get",
    "dataflow.jobs.list",
    "dataflow.messages.list",
    "dataflow.metrics.get",
    "dataflow.shuffle.read",
    "dataflow.shuffle.write",
    "dataflow.workItems.lease",
    "dataflow.workItems.sendMessage",
    "dataflow.workItems.update",
    "logging.logEntries.create",
    "logging.logEntries.route",
    "monitoring.timeSeries.create",
    "resourcemanager.projects.get",
    "storage.buckets.get",
  ]
}

resource "google_project_iam_member" "screen_job" {
  project = var.project_id
  role    = google_project_iam_custom_role.job.name
  member  = google_service_account.screen.member
}

resource "google_project_iam_member" "release_job" {
  project = var.project_id
  role    = google_project_iam_custom_role.job.name
  member  = google_service_account.release.member
}

# Each may launch jobs as itself, and as nobody else.
resource "google_service_account_iam_member" "screen_as_itself" {
  service_account_id = google_service_account.screen.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.screen.member
}

resource "google_service_account_iam_member" "release_as_itself" {
  service_account_id = google_service_account.release.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.release.member
}

resource "google_artifact_registry_repository_iam_member" "screen_image" {
  project    = var.project_id
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.screen.member
}

resource "google_artifact_registry_repository_iam_member" "release_image" {
  project    = var.project_id
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.release.member
}

# On Flink the pods of each job are its identity: a Kubernetes account of their own stands for it.
resource "google_service_account_iam_member" "screen_on_flink" {
  count = var.flink == null ? 0 : 1

  service_account_id = google_service_account.screen.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${var.project_id}.svc.id.goog[${var.flink.namespace}/${var.name}-screen]"
}

resource "google_service_account_iam_member" "release_on_flink" {
  count = var.flink == null ? 0 : 1

  service_account_id = google_service_account.release.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${var.project_id}.svc.id.goog[${var.flink.namespace}/${var.name}-release]"
}
