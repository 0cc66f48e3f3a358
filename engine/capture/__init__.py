"""Where frames come from: a webcam, a clip, the sample clip -> Frame."""
