from pathlib import Path
from ci_client.client import create_project_zip

zip_data = create_project_zip(Path("/path/to/project"))
print(f"Zip size: {len(zip_data)} bytes")
