# Turns new namespaces into a separate machine, says "ready", and stays as its init.
# MACHINE: folder of the host. HOME_INSIDE, OWNER, NAME, DISK_MEGABYTES, WITHOUT, HIDDEN_FOLDER: see namespace.ts.
set -eu
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/sshd /run/machine
mount --bind "$MACHINE/etc" /run/machine
mount -t tmpfs -o mode=755 tmpfs /home
mount -t tmpfs -o mode=700 tmpfs /root
mkdir -p "$HOME_INSIDE"
if [ -n "$DISK_MEGABYTES" ]; then
  mount -t tmpfs -o "size=${DISK_MEGABYTES}m,mode=700" tmpfs "$HOME_INSIDE"
  chown "$OWNER:$OWNER" "$HOME_INSIDE"
else
  mount --bind "$MACHINE/home" "$HOME_INSIDE"
fi
mount --bind "$MACHINE/bin" /usr/local/bin
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
for file in passwd group shadow hosts resolv.conf machine-id; do
  if [ -e "/etc/$file" ]; then mount --bind "/run/machine/$file" "/etc/$file"; fi
done
mount --bind /run/machine/boot-id /proc/sys/kernel/random/boot_id
if [ -n "$WITHOUT" ]; then
  mkdir /run/hidden
  # A layer of whiteouts: the programs are absent, not just unusable.
  for program in $WITHOUT; do mknod "/run/hidden/$program" c 0 0; done
  for folder in /usr/bin /usr/sbin /bin /sbin; do
    if [ ! -L "$folder" ]; then mount -t overlay -o "lowerdir=/run/hidden:$folder" overlay "$folder"; fi
  done
fi
mount -t tmpfs -o mode=1777 tmpfs /tmp
if [ -d "$HIDDEN_FOLDER" ]; then mount -t tmpfs tmpfs "$HIDDEN_FOLDER"; fi
echo "$NAME" >/proc/sys/kernel/hostname
cd /
echo ready
exec >/dev/null 2>&1 </dev/null
# Waiting reaps the orphans that an init inherits.
while :; do
  sleep 86400 &
  wait $! || true
done
