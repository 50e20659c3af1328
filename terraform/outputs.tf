output "uploads" {
  description = "Where uploads go; --input."
  value       = "gs://${local.bucket["uploads"]}"
}

output "results" {
  description = "The result tables; --results, and SCREENING_RESULTS for reviewers."
  value       = "gs://${local.bucket["results"]}"
}

output "live" {
  description = "What was cleared; --live."
  value       = "gs://${local.bucket["live"]}"
}

output "quarantine" {
  description = "What was rejected; --quarantine."
  value       = "gs://${local.bucket["quarantine"]}"
}

output "bundles" {
  description = "Where models.publish puts bundles; --bundles."
  value       = "gs://${local.bucket["bundles"]}"
}

output "image" {
  description = "The image to build and push before the schedules start."
  value       = local.image
}

output "accounts" {
  description = "The jobs' service accounts."
  value = {
    screen  = google_service_account.screen.email
    release = google_service_account.release.email
  }
}

output "launch" {
  description = "Launches a job now instead of on its schedule: paste into a shell."
  value = {
    for job, schedule in google_cloud_scheduler_job.launch : job =>
    "gcloud scheduler jobs run ${schedule.name} --location=${schedule.region} --project=${schedule.project}"
  }
}

output "dataflow_flags" {
  description = "Flags that run a job by hand on Dataflow in this home, after the README's commands."
  value = {
    for job, each in local.jobs : job => join(" ", [
      "--runner=DataflowRunner",
      "--project=${var.project_id}",
      "--region=${var.region}",
      "--subnetwork=${google_compute_subnetwork.workers.self_link}",
      "--no_use_public_ips",
      "--service_account_email=${each.account.email}",
      "--sdk_container_image=${local.image}",
      "--staging_location=gs://${local.bucket["staging"]}/${job}/staging",
      "--temp_location=gs://${local.bucket["staging"]}/${job}/temp",
    ])
  }
}

output "review" {
  description = "How a reviewer asks and decides: paste into a shell."
  value       = "export SCREENING_RESULTS=gs://${local.bucket["results"]}"
}

output "query" {
  description = "The same views in BigQuery: paste into a shell."
  value       = "bq query --project_id=${var.project_id} --use_legacy_sql=false 'SELECT decision, count(*) FROM `${var.project_id}.${local.dataset}.effective_verdicts` GROUP BY 1'"
}

output "flink" {
  description = "Kubernetes manifests of the jobs on Flink, where var.flink is set."
  value       = local.flink_manifests
}
