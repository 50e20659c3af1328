# `terraform test`: the plan of the defaults and of everything, with a provider that knows only the schemas.

mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789" }
  }

  mock_resource "google_service_account" {
    defaults = {
      email  = "job@my-project.iam.gserviceaccount.com"
      member = "serviceAccount:job@my-project.iam.gserviceaccount.com"
      name   = "projects/my-project/serviceAccounts/job@my-project.iam.gserviceaccount.com"
    }
  }

  mock_resource "google_project_iam_custom_role" {
    defaults = { name = "projects/my-project/roles/screening_job" }
  }
}

variables {
  project_id = "my-project"
  region     = "europe-west4"
  reviewers  = "group:reviewers@example.com"
}

run "buckets" {
  assert {
    condition     = toset(keys(google_storage_bucket.home)) == toset(["uploads", "live", "quarantine", "results", "bundles", "staging"])
    error_message = "not the six buckets"
  }

  assert {
    condition = alltrue([
      for bucket in google_storage_bucket.home :
      bucket.uniform_bucket_level_access && bucket.public_access_prevention == "enforced" && !bucket.force_destroy
    ])
    error_message = "a bucket that could be public, or be destroyed with what it holds"
  }

  assert {
    condition     = alltrue([for name in ["live", "results", "bundles"] : google_storage_bucket.home[name].versioning[0].enabled])
    error_message = "live, results and bundles keep versions"
  }

  assert {
    condition     = alltrue([for bucket in google_storage_bucket.home : length(bucket.retention_policy) == 0])
    error_message = "retention is asked for, never a default"
  }

  assert {
    condition = { for name, bucket in google_storage_bucket.home : name => [
      for rule in bucket.lifecycle_rule : one(rule.condition).age
      if one(rule.action).type == "Delete" && one(rule.condition).with_state != "ARCHIVED"
    ] } == { uploads = [30], live = [], quarantine = [190], results = [], bundles = [], staging = [14] }
    error_message = "what is current is deleted from uploads, quarantine and staging, and from nowhere else"
  }
}

run "launches" {
  assert {
    condition = alltrue([
      for launch in google_cloud_scheduler_job.launch : launch.paused &&
      jsondecode(base64decode(launch.http_target[0].body)).launchParameter.environment.ipConfiguration == "WORKER_IP_PRIVATE"
    ])
    error_message = "workers have no external address, and nothing starts before the image is there"
  }

  assert {
    condition = !contains(keys(
      jsondecode(base64decode(google_cloud_scheduler_job.launch["screen"].http_target[0].body)).launchParameter.parameters
    ), "run_id")
    error_message = "each launch is a run of its own"
  }

  assert {
    condition = alltrue([
      for job, template in google_storage_bucket_object.template :
      jsondecode(template.content).metadata.name == job && endswith(jsondecode(template.content).image, ":0.1.0")
    ])
    error_message = "a template is the image and the job's own metadata"
  }
}

run "without_extras" {
  assert {
    condition = 0 == sum([
      length(google_billing_budget.home),
      length(google_kms_crypto_key_iam_member.agents),
      length(google_monitoring_notification_channel.email),
      length(google_service_account_iam_member.screen_on_flink),
      length(output.flink),
    ])
    error_message = "budget, key, e-mail and Flink are asked for"
  }
}

run "with_extras" {
  variables {
    kms_key_name           = "projects/p/locations/europe-west4/keyRings/r/cryptoKeys/k"
    uploads_retention_days = 1
    flink                  = {}
    alarms                 = { email = "oncall@example.com" }
    budget                 = { billing_account = "012345-6789AB-CDEF01", amount = 500 }
  }

  assert {
    condition = length(google_kms_crypto_key_iam_member.agents) == 5 && alltrue([
      for bucket in google_storage_bucket.home : bucket.encryption[0].default_kms_key_name == var.kms_key_name
    ])
    error_message = "the key encrypts every bucket, and the agents may use it"
  }

  assert {
    condition = (
      jsondecode(base64decode(google_cloud_scheduler_job.launch["screen"].http_target[0].body)).launchParameter.environment.kmsKeyName
      == var.kms_key_name
    )
    error_message = "the key encrypts the workers' disks"
  }

  assert {
    condition = (
      google_storage_bucket.home["uploads"].retention_policy[0].retention_period == "86400"
      && length(google_storage_bucket.home["results"].retention_policy) == 0
    )
    error_message = "uploads are retained for a day; results never, as Delta overwrites"
  }

  assert {
    condition = length(output.flink) == 2 && alltrue(flatten([
      for manifest in output.flink : [for part in split("\n---\n", manifest) : can(yamldecode(part).kind)]
    ]))
    error_message = "the manifests are YAML"
  }

  assert {
    condition     = length(google_billing_budget.home[0].all_updates_rule[0].monitoring_notification_channels) == 1
    error_message = "the budget tells whom alarms tell"
  }
}

run "a_retention_beyond_the_life_of_uploads_is_refused" {
  command = plan

  variables {
    uploads_retention_days = 30
  }

  expect_failures = [var.uploads_retention_days]
}

run "what_is_refused" {
  command = plan

  variables {
    project_id         = "My Project"
    region             = "EU"
    reviewers          = "allUsers"
    name               = "x"
    kms_key_name       = "key"
    expire_days        = { uploads = 1 }
    subnet_range       = "8.8.8.0/24"
    image_tag          = "latest"
    schedules          = { screen = "hourly" }
    workers            = { most = 0 }
    screen_parameters  = { run_id = "always-the-same" }
    release_parameters = { mode = "label" }
    alarms             = { commit_hours = 48 }
    budget             = { billing_account = "mine", amount = 1 }
    flink              = { namespace = "Not A Namespace" }
  }

  expect_failures = [
    var.project_id, var.region, var.reviewers, var.name, var.kms_key_name, var.expire_days,
    var.subnet_range, var.image_tag, var.schedules, var.workers, var.screen_parameters, var.release_parameters,
    var.alarms, var.budget, var.flink,
  ]
}
