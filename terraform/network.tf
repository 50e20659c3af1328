# Workers have no external address and there is no NAT: they reach Google's APIs, and nothing else outside.

resource "google_compute_network" "home" {
  project                 = var.project_id
  name                    = var.name
  auto_create_subnetworks = false

  depends_on = [google_project_service.needed]
}

resource "google_compute_subnetwork" "workers" {
  project                  = var.project_id
  name                     = "${var.name}-workers"
  region                   = var.region
  network                  = google_compute_network.home.id
  ip_cidr_range            = var.subnet_range
  private_ip_google_access = true

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.1
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

# The ports of Dataflow's shuffle between workers; every worker has the tag `dataflow`.
resource "google_compute_firewall" "workers" {
  project     = var.project_id
  name        = "${var.name}-workers"
  network     = google_compute_network.home.id
  direction   = "INGRESS"
  source_tags = ["dataflow"]
  target_tags = ["dataflow"]

  allow {
    protocol = "tcp"
    ports    = ["12345-12346"]
  }
}
