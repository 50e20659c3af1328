#!/bin/sh
# Starts Beam's boot, and so the worker's Python, never as root.
#
# Built with RUN_AS=0, for a host that mounts the folder for staged files as root's own: the folder is handed over to
# the user of the image, and root ends here.
set -eu
user=10001
boot=${BEAM_BOOT:-/opt/apache/beam/boot}
if [ "$(id -u)" -ne 0 ]; then
    exec "$boot" "$@"
fi
for argument; do
    case $argument in
        --semi_persist_dir=*) install -d -o $user -g $user "${argument#*=}" "${argument#*=}/staged" ;;
    esac
done
exec setpriv --reuid=$user --regid=$user --clear-groups --no-new-privs "$boot" "$@"
