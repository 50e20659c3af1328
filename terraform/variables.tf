variable "project_id" {
  description = "Project that the cloud home is made in."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id is the id of a project (6 to 30 of a-z, 0-9 and -), not its name or number."
  }
}

variable "region" {
  description = "Region of the jobs, the network and the image, for example europe-west4."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is a region such as europe-west4, not a zone or a multi-region."
  }
}

variable "location" {
  description = "Location of buckets and BigQuery, a region or EU / US; null: the region. Reads from elsewhere cost egress."
  type        = string
  default     = null
}

variable "name" {
  description = "Begins the name of everything that is made here, so that one project can hold several homes."
  type        = string
  default     = "screening"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,14}[a-z0-9]$", var.name))
    error_message = "name is 3 to 16 of a-z, 0-9 and -, beginning with a letter: names of buckets and accounts have limits."
  }
}

variable "reviewers" {
  description = "Who reviews: one principal, best a group (group:reviewers@example.com)."
  type        = string

  validation {
    condition     = can(regex("^(group|user|serviceAccount):[^@ ]+@[^@ ]+$", var.reviewers))
    error_message = "reviewers is one principal: group:…@…, user:…@… or serviceAccount:…@…; never allUsers or a whole domain."
  }
}

variable "kms_key_name" {
  description = "Key that encrypts buckets, image, tables and worker disks (projects/…/cryptoKeys/…); null: Google's keys."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_name == null || can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key_name))
    error_message = "kms_key_name is projects/P/locations/L/keyRings/R/cryptoKeys/K, without a version, in the buckets' location."
  }
}

variable "expire_days" {
  description = "Days after which objects of a bucket are deleted: uploads (longer than reviewers take), quarantine, staging."
  type = object({
    uploads    = optional(number, 30)
    quarantine = optional(number, 190) # an uploader may complain for six months (EU DSA, Article 20)
    staging    = optional(number, 14)
  })
  default = {}

  validation {
    condition     = alltrue([for days in values(var.expire_days) : days >= 7 && floor(days) == days])
    error_message = "expire_days are whole days, 7 at the least: what waits for a person must not vanish over a weekend."
  }
}

variable "uploads_retention_days" {
  description = "Days in which nobody can replace or delete an upload; 0: none. For uploads with names of their own only."
  type        = number
  default     = 0

  validation {
    condition     = var.uploads_retention_days >= 0 && var.uploads_retention_days < var.expire_days.uploads
    error_message = "uploads_retention_days must end before expire_days.uploads deletes the upload."
  }
}

variable "subnet_range" {
  description = "Addresses of the workers; a /20 holds 4092."
  type        = string
  default     = "10.60.0.0/20"

  validation {
    condition     = can(cidrhost(var.subnet_range, 1)) && can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)", var.subnet_range))
    error_message = "subnet_range is a private range such as 10.60.0.0/20."
  }
}

variable "flink" {
  description = "Flink on a GKE cluster of this project, with workload identity and the Flink operator; null: none."
  type = object({
    namespace     = optional(string, "screening")
    task_managers = optional(number, 2)
    cores         = optional(number, 4)
    memory_gb     = optional(number, 12) # for the worker: two batches' models, and 2 GB of what runs ahead
  })
  default = null

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", try(var.flink.namespace, "none")))
    error_message = "flink.namespace is the name of a Kubernetes namespace, for example screening."
  }

  validation {
    condition     = alltrue([for number in [try(var.flink.task_managers, 1), try(var.flink.cores, 1)] : number >= 1 && floor(number) == number])
    error_message = "flink.task_managers and flink.cores are whole numbers from 1 on."
  }
}

variable "image_tag" {
  description = "Tag of the image that launcher and workers run; a tag, once pushed, never changes."
  type        = string
  default     = "0.1.0"

  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$", var.image_tag)) && var.image_tag != "latest"
    error_message = "image_tag is the tag of one build, for example 0.1.0, and not latest."
  }
}

variable "schedules" {
  description = "When the jobs are launched (cron), in which time zone; paused until the image is there."
  type = object({
    screen    = optional(string, "0 * * * *")
    release   = optional(string, "45 * * * *")
    time_zone = optional(string, "Etc/UTC")
    paused    = optional(bool, true)
  })
  default = {}

  validation {
    condition     = alltrue([for cron in [var.schedules.screen, var.schedules.release] : length(split(" ", cron)) == 5])
    error_message = "schedules.screen and .release are cron lines of five fields, for example 0 * * * *."
  }
}

variable "workers" {
  description = "Machines of the jobs: type, most at once, disk in GB."
  type = object({
    machine_type = optional(string, "n2-standard-4") # AVX-512 VNNI: int8 and fp32 without a GPU
    most         = optional(number, 10)
    disk_gb      = optional(number, 50)
  })
  default = {}

  validation {
    condition     = var.workers.most >= 1 && var.workers.most <= 1000 && var.workers.disk_gb >= 30
    error_message = "workers.most is 1 to 1000, workers.disk_gb at least 30 (the image, decoders' scratch space)."
  }
}

variable "screen_parameters" {
  description = "More flags of pipelines.screen, spelled with _ (engine, precision, policy, bundles, reuse_scores, …)."
  type        = map(string)
  default     = { engine = "onnxruntime", precision = "fp32" } # named, so that launcher and workers can't differ

  validation {
    condition     = alltrue([for flag in keys(var.screen_parameters) : can(regex("^[a-z][a-z0-9_]*$", flag))])
    error_message = "screen_parameters are names of flags without dashes, for example reuse_scores."
  }

  validation {
    condition     = length(setintersection(keys(var.screen_parameters), ["input", "results", "run_id", "sdk_container_image"])) == 0
    error_message = "input, results and the image are those made here; a fixed run_id would commit once and never again."
  }
}

variable "release_parameters" {
  description = "More flags of pipelines.release, spelled with _ (policy, bundles)."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setintersection(keys(var.release_parameters), ["results", "live", "quarantine", "mode", "sdk_container_image"])) == 0
    error_message = "results, live, quarantine and the image are those made here; its role lets it copy and not label."
  }
}

variable "alarms" {
  description = "Who is told (an e-mail address; null: nobody) and from what on."
  type = object({
    email          = optional(string)
    commit_hours   = optional(number, 3)    # without a committed run
    error_share    = optional(number, 0.05) # of the uploads a run decided
    review_backlog = optional(number, 5000) # uploads that wait for a person
  })
  default = {}

  validation {
    condition     = var.alarms.email == null || can(regex("^[^@ ]+@[^@ ]+$", var.alarms.email))
    error_message = "alarms.email is an e-mail address."
  }

  validation {
    condition     = var.alarms.commit_hours >= 1 && var.alarms.commit_hours <= 23
    error_message = "alarms.commit_hours is 1 to 23: an alert looks back a day at most. Keep it above two launches."
  }

  validation {
    condition     = var.alarms.error_share > 0 && var.alarms.error_share < 1 && var.alarms.review_backlog >= 1
    error_message = "alarms.error_share is a share between 0 and 1, alarms.review_backlog a number of uploads."
  }
}

variable "budget" {
  description = "Monthly budget of the project; null: none. Spending is told, never stopped."
  type = object({
    billing_account = string
    amount          = number
    currency        = optional(string) # null: that of the account
  })
  default = null

  validation {
    condition     = var.budget == null || can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.budget.billing_account))
    error_message = "budget.billing_account looks like 012345-6789AB-CDEF01."
  }

  validation {
    condition     = try(var.budget.amount, 1) >= 1
    error_message = "budget.amount is in whole units of the currency."
  }
}
