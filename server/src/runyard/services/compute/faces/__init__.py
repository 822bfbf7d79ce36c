"""Faces in pictures: where they are (MTCNN), cut out and aligned, and whose (dlib). The weights come in packages."""
