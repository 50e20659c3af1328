# A second home: the same jobs, image, buckets and identities on Flink, by the Kubernetes operator of Flink (1.10 or
# newer). The manifests are an output, to be applied where the cluster is administered.

locals {
  flink_manifests = var.flink == null ? {} : {
    for job, each in local.jobs : job => templatefile("${path.module}/flink/job.yaml.tftpl", {
      name          = var.name
      job           = job
      namespace     = var.flink.namespace
      account       = each.account.email
      image         = local.image
      task_managers = var.flink.task_managers
      cores         = var.flink.cores
      memory_gb     = var.flink.memory_gb
      schedule      = each.cron
      time_zone     = var.schedules.time_zone
      paused        = var.schedules.paused
      flags = [
        for flag, value in each.parameters : "--${flag}=${value}"
        if flag != "sdk_container_image" # Dataflow's; here the pod names the image
      ]
    })
  }
}
