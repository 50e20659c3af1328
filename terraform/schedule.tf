# The launches: Cloud Scheduler calls `flexTemplates:launch` as the job's own account. (The provider has a resource for
# flex templates only in its beta, and that one runs a job at each apply rather than on a schedule.)

locals {
  jobs = {
    screen = {
      account = google_service_account.screen
      cron    = var.schedules.screen
      parameters = merge(var.screen_parameters, {
        input               = "gs://${local.bucket["uploads"]}"
        results             = "gs://${local.bucket["results"]}"
        sdk_container_image = local.image
      })
    }
    release = {
      account = google_service_account.release
      cron    = var.schedules.release
      parameters = merge(var.release_parameters, {
        results             = "gs://${local.bucket["results"]}"
        live                = "gs://${local.bucket["live"]}"
        quarantine          = "gs://${local.bucket["quarantine"]}"
        sdk_container_image = local.image
      })
    }
  }
}

# A template is the image's name with the metadata of its parameters.
resource "google_storage_bucket_object" "template" {
  for_each = local.jobs

  bucket       = local.bucket["staging"]
  name         = "${google_storage_managed_folder.staging["templates"].name}${each.key}.json"
  content_type = "application/json"
  content = jsonencode({
    image    = local.image
    sdkInfo  = { language = "PYTHON" }
    metadata = jsondecode(file("${path.module}/../pipelines/templates/${each.key}.json"))
  })
}

resource "google_cloud_scheduler_job" "launch" {
  for_each = local.jobs

  project          = var.project_id
  region           = var.region
  name             = "${var.name}-${each.key}"
  description      = "Launches pipelines.${each.key} on Dataflow"
  schedule         = each.value.cron
  time_zone        = var.schedules.time_zone
  paused           = var.schedules.paused
  attempt_deadline = "120s"

  retry_config {
    retry_count          = 3
    min_backoff_duration = "30s"
  }

  http_target {
    http_method = "POST"
    uri         = "https://dataflow.googleapis.com/v1b3/projects/${var.project_id}/locations/${var.region}/flexTemplates:launch"
    headers     = { "Content-Type" = "application/json" }

    body = base64encode(jsonencode({
      launchParameter = {
        # The same name each time, on purpose: while a job of that name runs, Dataflow starts no second one.
        jobName              = "${var.name}-${each.key}"
        containerSpecGcsPath = "gs://${local.bucket["staging"]}/${google_storage_bucket_object.template[each.key].name}"
        parameters           = each.value.parameters
        environment = merge(
          {
            serviceAccountEmail = each.value.account.email
            subnetwork          = google_compute_subnetwork.workers.self_link
            ipConfiguration     = "WORKER_IP_PRIVATE"
            machineType         = var.workers.machine_type
            maxWorkers          = var.workers.most
            diskSizeGb          = var.workers.disk_gb
            stagingLocation     = "gs://${local.bucket["staging"]}/${each.key}/staging"
            tempLocation        = "gs://${local.bucket["staging"]}/${each.key}/temp"
          },
          var.kms_key_name == null ? {} : { kmsKeyName = var.kms_key_name },
        )
      }
    }))

    oauth_token {
      service_account_email = each.value.account.email
    }
  }
}
