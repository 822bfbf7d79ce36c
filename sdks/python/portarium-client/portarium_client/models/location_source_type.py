from enum import Enum


class LocationSourceType(str, Enum):
    FUSION = "fusion"
    GPS = "GPS"
    ODOMETRY = "odometry"
    RTLS = "RTLS"
    SLAM = "SLAM"

    def __str__(self) -> str:
        return str(self.value)
