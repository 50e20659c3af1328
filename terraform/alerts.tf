# What alarms watch are the jobs' own lines of JSON (pipelines/launch/logs.py): `committed` from the worker that commits,
# `planned` and `refused` from the launcher of release. Dataflow keeps such a line whole in jsonPayload.message.

locals {
  lines    = "resource.type=\"dataflow_step\" AND jsonPayload.message:"
  channels = google_monitoring_notification_channel.email[*].id

  # As PromQL names a log metric. The queries are not checked against metrics that exist: these appear with the first line.
  promql = "logging_googleapis_com:user_${replace(var.name, "-", "_")}_"
}

resource "google_logging_metric" "commits" {
  project     = var.project_id
  name        = "${var.name}/commits"
  description = "Committed runs."
  filter      = "${local.lines}${jsonencode("\"event\": \"committed\"")}"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }

  depends_on = [google_project_service.needed]
}

resource "google_logging_metric" "error_share" {
  project         = var.project_id
  name            = "${var.name}/error_share"
  description     = "Share of errors among the uploads that a run decided."
  filter          = google_logging_metric.commits.filter
  value_extractor = "REGEXP_EXTRACT(jsonPayload.message, ${jsonencode("\"error_share\": ([0-9.e-]+)")})"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
  }

  bucket_options {
    linear_buckets {
      num_finite_buckets = 100
      offset             = 0
      width              = 0.01
    }
  }
}

resource "google_logging_metric" "review_backlog" {
  project         = var.project_id
  name            = "${var.name}/review_backlog"
  description     = "Uploads that wait for a person, to a tenth, up to ten million."
  filter          = "${local.lines}${jsonencode("\"event\": \"planned\"")}"
  value_extractor = "REGEXP_EXTRACT(jsonPayload.message, ${jsonencode("\"review\": ([0-9]+)")})"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
  }

  bucket_options {
    exponential_buckets {
      num_finite_buckets = 170
      growth_factor      = 1.1
      scale              = 1
    }
  }

  depends_on = [google_project_service.needed]
}

resource "google_monitoring_notification_channel" "email" {
  count = var.alarms.email == null ? 0 : 1

  project      = var.project_id
  display_name = "${var.name} alarms"
  type         = "email"
  labels       = { email_address = var.alarms.email }

  depends_on = [google_project_service.needed]
}

locals {
  # Each: what is wrong, the query that is empty while all is well, and what to do.
  queries = {
    no_commit = {
      says  = "no run committed for ${var.alarms.commit_hours} hours"
      query = "sum(increase(${local.promql}commits[${var.alarms.commit_hours}h])) < 1 or absent_over_time(${local.promql}commits[${var.alarms.commit_hours}h])"
      do    = "Nothing new gets a verdict. Look at the newest ${var.name}-screen job in Dataflow, then run it again."
    }
    error_share = {
      says  = "more than ${var.alarms.error_share * 100} % of a run's uploads are errors"
      query = "histogram_quantile(1, sum by (le) (increase(${local.promql}error_share_bucket[1h]))) > ${var.alarms.error_share}"
      do    = "They are held, not lost. Which reasons: see 'Many error verdicts' in the runbook."
    }
    review_backlog = {
      says  = "more than ${var.alarms.review_backlog} uploads wait for a person"
      query = "histogram_quantile(1, sum by (le) (increase(${local.promql}review_backlog_bucket[${var.alarms.commit_hours}h]))) > ${var.alarms.review_backlog}"
      do    = "They are deleted ${var.expire_days.uploads} days after their upload (expire_days.uploads), reviewed or not."
    }
  }
}

resource "google_monitoring_alert_policy" "query" {
  for_each = local.queries

  project               = var.project_id
  display_name          = "${var.name}: ${each.value.says}"
  combiner              = "OR"
  severity              = each.key == "no_commit" ? "ERROR" : "WARNING"
  enabled               = !var.schedules.paused
  notification_channels = local.channels

  conditions {
    display_name = each.value.says
    condition_prometheus_query_language {
      query                     = each.value.query
      duration                  = "300s"
      evaluation_interval       = "300s"
      disable_metric_validation = true
    }
  }

  documentation {
    content = "${each.value.do} Runbook: pipelines/docs/operations.md."
  }

  depends_on = [google_logging_metric.commits, google_logging_metric.error_share, google_logging_metric.review_backlog]
}

resource "google_monitoring_alert_policy" "refused" {
  project               = var.project_id
  display_name          = "${var.name}: a release was refused by its quota"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local.channels

  conditions {
    display_name = "refused"
    condition_matched_log {
      filter = "${local.lines}${jsonencode("\"event\": \"refused\"")}"
    }
  }

  alert_strategy {
    auto_close = "86400s"
    notification_rate_limit {
      period = "3600s"
    }
  }

  documentation {
    content = "Nothing was released or quarantined. See 'Release was refused by its quota' in pipelines/docs/operations.md."
  }

  depends_on = [google_project_service.needed]
}

resource "google_monitoring_alert_policy" "failed" {
  project               = var.project_id
  display_name          = "${var.name}: a Dataflow job failed"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.channels

  conditions {
    display_name = "failed"
    condition_threshold {
      filter          = "resource.type=\"dataflow_job\" AND resource.label.job_name=starts_with(\"${var.name}-\") AND metric.type=\"dataflow.googleapis.com/job/is_failed\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"
      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    content = "A run that failed committed nothing; the next launch does its work. Runbook: pipelines/docs/operations.md."
  }

  depends_on = [google_project_service.needed]
}
