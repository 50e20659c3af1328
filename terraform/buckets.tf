locals {
  location = coalesce(var.location, var.region)

  # What differs from bucket to bucket. `expire`: days after which objects are deleted; `soft`: days in which what was
  # deleted or overwritten can be restored; `retain`: days in which nobody can delete or overwrite. 0: none.
  buckets = {
    # Uploads go by this rule; the release job copies. A person's upload is not kept longer than it is needed.
    uploads = { expire = var.expire_days.uploads, versioned = false, soft = 7, retain = var.uploads_retention_days }

    # A release that should not have been is taken back to the version before. No retention: a takedown can't wait.
    live = { expire = 0, versioned = true, soft = 7, retain = 0 }

    # Evidence for complaints. No retention: the same name, rejected again, is overwritten, and the law may ask for
    # deletion at once.
    quarantine = { expire = var.expire_days.quarantine, versioned = false, soft = 30, retain = 0 }

    # No retention: Delta overwrites `_last_checkpoint` and cleans its log. Versions and soft delete keep what a
    # mistake, or a stolen identity, overwrites or deletes.
    results = { expire = 0, versioned = true, soft = 30, retain = 0 }

    # A version of a bundle never changes, but index.json beside them is rewritten by each publish: versions, then.
    bundles = { expire = 0, versioned = true, soft = 30, retain = 0 }

    # Scratch space of Dataflow; soft delete would bill every temporary file for a week.
    staging = { expire = var.expire_days.staging, versioned = false, soft = 0, retain = 0 }
  }
}

resource "google_storage_bucket" "home" {
  # checkov:skip=CKV_GCP_62:usage logs are superseded by Data Access audit logs, which are set for a project or above
  # checkov:skip=CKV_GCP_78:versions are kept where they protect: each bucket above says why
  for_each = local.buckets

  project                     = var.project_id
  name                        = "${var.project_id}-${var.name}-${each.key}"
  location                    = local.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false # a destroy never takes uploads, evidence or verdicts along

  versioning {
    enabled = each.value.versioned
  }

  soft_delete_policy {
    retention_duration_seconds = each.value.soft * 86400
  }

  dynamic "retention_policy" {
    for_each = each.value.retain > 0 ? [each.value.retain] : []
    content {
      retention_period = retention_policy.value * 86400
    }
  }

  dynamic "lifecycle_rule" {
    for_each = each.value.expire > 0 ? [each.value.expire] : []
    content {
      action {
        type = "Delete"
      }
      condition {
        age = lifecycle_rule.value
        # The template specs in staging stay.
        matches_prefix = each.key == "staging" ? ["screen/", "release/"] : []
      }
    }
  }

  dynamic "lifecycle_rule" {
    for_each = each.value.versioned ? [30] : []
    content {
      action {
        type = "Delete"
      }
      condition {
        days_since_noncurrent_time = lifecycle_rule.value
        with_state                 = "ARCHIVED"
      }
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 2
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key_name == null ? [] : [var.kms_key_name]
    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.agents]
}

# Folders with permissions of their own: so that who may append to one table can't touch another.
resource "google_storage_managed_folder" "results" {
  for_each = toset(["verdicts", "runs", "reports", "reviews", "releases", "alive"])

  bucket        = google_storage_bucket.home["results"].name
  name          = "${each.key}/"
  force_destroy = true # the folder's permissions; objects are never deleted with it
}

resource "google_storage_managed_folder" "staging" {
  for_each = toset(["screen", "release", "templates"])

  bucket        = google_storage_bucket.home["staging"].name
  name          = "${each.key}/"
  force_destroy = true
}
