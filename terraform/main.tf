provider "google" {
  project = var.project_id
  region  = var.region

  # The budget API bills its calls to a project; without these two it refuses a person's own credentials.
  billing_project       = var.project_id
  user_project_override = true

  default_labels = { app = var.name }
}

data "google_project" "home" {
  project_id = var.project_id

  depends_on = [google_project_service.needed]
}

resource "google_project_service" "needed" {
  for_each = toset([
    "artifactregistry.googleapis.com",
    "bigquery.googleapis.com",
    "bigqueryconnection.googleapis.com",
    "billingbudgets.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "cloudscheduler.googleapis.com",
    "compute.googleapis.com",
    "dataflow.googleapis.com",
    "iam.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "storage.googleapis.com",
  ])

  project            = var.project_id
  service            = each.key
  disable_on_destroy = false # others in the project may use it
}
