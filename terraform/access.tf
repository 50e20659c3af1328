# Who may do what with which objects; nothing else gives access to an object. tests/terraform/test_access.py holds this
# file, and every other binding here, against the table in README.md, and runs the jobs with exactly these rights.
#
# Roles are given on a bucket, or on a managed folder of it. Conditions on resource.name would not do: a listing is
# judged by the bucket, so a condition can't allow it for a prefix. Writers of a Delta table need objectUser, as Delta
# overwrites `_last_checkpoint` and cleans its log; reviewers, who only append, get along without.

locals {
  bucket = { for name, bucket in google_storage_bucket.home : name => bucket.name }
}

# screen: reads uploads, bundles and results; writes verdicts, the ledger and reports; and signs of life, on Flink.

resource "google_storage_bucket_iam_member" "screen_reads_uploads" {
  bucket = local.bucket["uploads"]
  role   = "roles/storage.objectViewer"
  member = google_service_account.screen.member
}

resource "google_storage_bucket_iam_member" "screen_reads_bundles" {
  bucket = local.bucket["bundles"]
  role   = "roles/storage.objectViewer"
  member = google_service_account.screen.member
}

resource "google_storage_bucket_iam_member" "screen_reads_results" {
  bucket = local.bucket["results"]
  role   = "roles/storage.objectViewer"
  member = google_service_account.screen.member
}

resource "google_storage_managed_folder_iam_member" "screen_writes_results" {
  for_each = toset(["verdicts", "runs", "reports", "alive"])

  bucket         = local.bucket["results"]
  managed_folder = google_storage_managed_folder.results[each.key].name
  role           = "roles/storage.objectUser"
  member         = google_service_account.screen.member
}

# release: reads uploads, bundles and results; alone deletes uploads, writes live and quarantine; records in releases.

resource "google_project_iam_custom_role" "uploads" {
  project     = var.project_id
  role_id     = "${replace(var.name, "-", "_")}_uploads"
  title       = "Content screening: read and delete uploads"
  description = "For the release job on the uploads bucket; it can't write there."
  permissions = ["storage.objects.delete", "storage.objects.get", "storage.objects.list"]
}

resource "google_storage_bucket_iam_member" "release_reads_and_deletes_uploads" {
  bucket = local.bucket["uploads"]
  role   = google_project_iam_custom_role.uploads.name
  member = google_service_account.release.member
}

resource "google_storage_bucket_iam_member" "release_reads_bundles" {
  bucket = local.bucket["bundles"]
  role   = "roles/storage.objectViewer"
  member = google_service_account.release.member
}

resource "google_storage_bucket_iam_member" "release_reads_results" {
  bucket = local.bucket["results"]
  role   = "roles/storage.objectViewer"
  member = google_service_account.release.member
}

resource "google_storage_managed_folder_iam_member" "release_records_releases" {
  for_each = toset(["releases", "alive"])

  bucket         = local.bucket["results"]
  managed_folder = google_storage_managed_folder.results[each.key].name
  role           = "roles/storage.objectUser"
  member         = google_service_account.release.member
}

resource "google_storage_bucket_iam_member" "release_writes_live" {
  bucket = local.bucket["live"]
  role   = "roles/storage.objectUser"
  member = google_service_account.release.member
}

resource "google_storage_bucket_iam_member" "release_writes_quarantine" {
  bucket = local.bucket["quarantine"]
  role   = "roles/storage.objectUser"
  member = google_service_account.release.member
}

# reviewers: read results, append reviews; what they decided nobody among them can change or take back.

resource "google_storage_bucket_iam_member" "reviewers_read_results" {
  bucket = local.bucket["results"]
  role   = "roles/storage.objectViewer"
  member = var.reviewers
}

resource "google_storage_managed_folder_iam_member" "reviewers_append_reviews" {
  bucket         = local.bucket["results"]
  managed_folder = google_storage_managed_folder.results["reviews"].name
  role           = "roles/storage.objectCreator"
  member         = var.reviewers
}

# Staging holds the code that a job's workers run: neither job may touch the other's.

resource "google_storage_managed_folder_iam_member" "screen_stages" {
  bucket         = local.bucket["staging"]
  managed_folder = google_storage_managed_folder.staging["screen"].name
  role           = "roles/storage.objectUser"
  member         = google_service_account.screen.member
}

resource "google_storage_managed_folder_iam_member" "release_stages" {
  bucket         = local.bucket["staging"]
  managed_folder = google_storage_managed_folder.staging["release"].name
  role           = "roles/storage.objectUser"
  member         = google_service_account.release.member
}

resource "google_storage_managed_folder_iam_member" "screen_reads_template" {
  bucket         = local.bucket["staging"]
  managed_folder = google_storage_managed_folder.staging["templates"].name
  role           = "roles/storage.objectViewer"
  member         = google_service_account.screen.member
}

resource "google_storage_managed_folder_iam_member" "release_reads_template" {
  bucket         = local.bucket["staging"]
  managed_folder = google_storage_managed_folder.staging["templates"].name
  role           = "roles/storage.objectViewer"
  member         = google_service_account.release.member
}

# BigQuery reads the tables for whoever may query them, through its connection.

resource "google_storage_bucket_iam_member" "bigquery_reads_results" {
  bucket = local.bucket["results"]
  role   = "roles/storage.objectViewer"
  member = "serviceAccount:${google_bigquery_connection.results.cloud_resource[0].service_account_id}"
}
