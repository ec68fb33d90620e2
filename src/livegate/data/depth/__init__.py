"""Pseudo-depth: for each bona fide picture a map of how near to the camera each part of the face is.

A *teacher* makes the maps: `mesh` from a dense face mesh, `five-points` from an ellipsoid where no mesh model is at hand. Maps of two
teachers cannot be compared, so a folder holds those of one and names it. Attacks have no map: theirs is zero by the label, set by
whoever trains, for a teacher sees a face in a print as well.
"""

from livegate.data.depth.maps import FRAME_MARGIN, SIZE, DepthMaps, Map, Square, cut, frame

__all__ = ["FRAME_MARGIN", "SIZE", "DepthMaps", "Map", "Square", "cut", "frame"]
