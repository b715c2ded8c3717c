"""What people read before they sign: a manifest and a release, and what they change, in words.

`units` writes integers with their units and instants in UTC. `release` reads the files of a
release; `release_changes` tells two of them apart, and `data_changes` their data. `manifest` does
both for manifests, `permission` for a manifest with its release, `overlay` for what a risk officer
tightens, and `council` for the officers themselves. It is all plain data in, text out, and needs no
gateway, so that officers read it on their own machines.
"""
