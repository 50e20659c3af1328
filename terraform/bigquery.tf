# Reviewers' SQL: the Delta tables where they lie, and the same views over them as DuckDB's. What bigquery/ and tables/
# hold is made from the product by `python -m tests.terraform.shipped`.

locals {
  dataset = replace(var.name, "-", "_")
  tables  = toset(["verdicts", "runs", "reviews", "releases"])

  # Views over the tables alone, and views over these views, which must be there first.
  plain_views = toset(["verdicts", "runs", "reviews", "releases"])
  views       = toset(["signals", "effective_verdicts", "run_summary"])
}

resource "google_bigquery_dataset" "home" {
  project                    = var.project_id
  dataset_id                 = local.dataset
  location                   = local.location
  description                = "The result tables of content screening; the data lies in gs://${local.bucket["results"]}."
  delete_contents_on_destroy = true # views and pointers; the data is not in here

  dynamic "default_encryption_configuration" {
    for_each = var.kms_key_name == null ? [] : [var.kms_key_name]
    content {
      kms_key_name = default_encryption_configuration.value
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.agents, google_project_service.needed]
}

resource "google_bigquery_connection" "results" {
  project       = var.project_id
  connection_id = "${var.name}-results"
  location      = local.location
  description   = "Reads the result tables for those who may query them."

  cloud_resource {}

  depends_on = [google_project_service.needed]
}

# The first entry of each Delta log: an empty table, as the product itself would make it. BigQuery can't point at a
# table that isn't there, and the first run, release and review come later.
resource "google_storage_bucket_object" "first_entry" {
  for_each = local.tables

  bucket       = local.bucket["results"]
  name         = "${google_storage_managed_folder.results[each.key].name}_delta_log/00000000000000000000.json"
  content_type = "application/json"
  content = templatefile("${path.module}/tables/${each.key}.json", {
    id = uuidv5("url", "gs://${local.bucket["results"]}/${each.key}")
  })

  # From here on the log belongs to the jobs: another version's columns never rewrite history, and a destroy that stops
  # halfway, as the bucket is not empty, leaves the tables whole.
  deletion_policy = "ABANDON"
  lifecycle {
    ignore_changes = all
  }
}

resource "google_bigquery_table" "stored" {
  # checkov:skip=CKV_GCP_80:holds no data; the bucket it points at is encrypted with the key
  # checkov:skip=CKV_GCP_121:holds no data; a destroy removes a pointer
  for_each = local.tables

  project             = var.project_id
  dataset_id          = google_bigquery_dataset.home.dataset_id
  table_id            = "stored_${each.key}"
  description         = "The Delta table ${each.key} as it is stored, uncommitted runs included: query ${each.key} instead."
  deletion_protection = false

  external_data_configuration {
    autodetect    = true # the Delta log holds the columns
    source_format = "DELTA_LAKE"
    source_uris   = ["gs://${local.bucket["results"]}/${each.key}"]
    connection_id = google_bigquery_connection.results.name
  }

  depends_on = [google_storage_bucket_iam_member.bigquery_reads_results, google_storage_bucket_object.first_entry]
}

resource "google_bigquery_table" "plain_view" {
  # checkov:skip=CKV_GCP_80:a view holds no data
  # checkov:skip=CKV_GCP_121:a view holds no data
  for_each = local.plain_views

  project             = var.project_id
  dataset_id          = google_bigquery_dataset.home.dataset_id
  table_id            = each.key
  deletion_protection = false

  view {
    query          = templatefile("${path.module}/bigquery/${each.key}.sql", { dataset = "${var.project_id}.${local.dataset}" })
    use_legacy_sql = false
  }

  depends_on = [google_bigquery_table.stored]
}

resource "google_bigquery_table" "view" {
  # checkov:skip=CKV_GCP_80:a view holds no data
  # checkov:skip=CKV_GCP_121:a view holds no data
  for_each = local.views

  project             = var.project_id
  dataset_id          = google_bigquery_dataset.home.dataset_id
  table_id            = each.key
  deletion_protection = false

  view {
    query          = templatefile("${path.module}/bigquery/${each.key}.sql", { dataset = "${var.project_id}.${local.dataset}" })
    use_legacy_sql = false
  }

  depends_on = [google_bigquery_table.plain_view]
}

resource "google_bigquery_dataset_iam_member" "reviewers_query" {
  project    = var.project_id
  dataset_id = google_bigquery_dataset.home.dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = var.reviewers
}

resource "google_project_iam_member" "reviewers_run_queries" {
  project = var.project_id
  role    = "roles/bigquery.jobUser"
  member  = var.reviewers
}
