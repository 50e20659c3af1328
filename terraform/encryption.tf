# With a key of one's own, each service encrypts through its agent, which must be allowed to.

data "google_storage_project_service_account" "agent" {
  project = var.project_id

  depends_on = [google_project_service.needed]
}

locals {
  project_number = data.google_project.home.number

  agents = {
    storage           = data.google_storage_project_service_account.agent.email_address
    bigquery          = "bq-${local.project_number}@bigquery-encryption.iam.gserviceaccount.com"
    artifact_registry = "service-${local.project_number}@gcp-sa-artifactregistry.iam.gserviceaccount.com"
    dataflow          = "service-${local.project_number}@dataflow-service-producer-prod.iam.gserviceaccount.com"
    compute           = "service-${local.project_number}@compute-system.iam.gserviceaccount.com"
  }
}

resource "google_kms_crypto_key_iam_member" "agents" {
  for_each = var.kms_key_name == null ? {} : local.agents

  crypto_key_id = var.kms_key_name
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:${each.value}"
}
