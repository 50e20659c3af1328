project_id = "my-project"
region     = "europe-west4"
location   = "EU"
reviewers  = "group:reviewers@example.com"

# From here on everything has a default.
uploads_retention_days = 1 # every upload has a name of its own: nobody swaps one before it is screened

schedules = {
  screen    = "0 * * * *"
  release   = "45 * * * *"
  time_zone = "Europe/Berlin"
  paused    = true # false, once the image is pushed
}

workers = {
  machine_type = "n2-standard-8"
  most         = 20
}

screen_parameters = {
  engine    = "onnxruntime"
  precision = "fp32"
}

alarms = {
  email          = "oncall@example.com"
  commit_hours   = 3
  error_share    = 0.05
  review_backlog = 5000
}

budget = {
  billing_account = "012345-6789AB-CDEF01"
  amount          = 500
}

flink = null # { task_managers = 4 }, beside Dataflow or instead of it
